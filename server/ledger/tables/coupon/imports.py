"""Tables of imports: files with a column of students, and their rows. Both are deleted after 30 days."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_HAS_FAULT = text("fault IS NOT NULL")

imports = Table(
    "imports",
    metadata,
    Column("id", ID, primary_key=True),
    # Null while its rows are inserted, piece by piece: nobody sees the import before. A worker deletes what a
    # process that died has left so.
    Column("ready_at", BigInteger),
    Column("kind", String(8), nullable=False),  # csv xlsx
    Column("encoding", String(16)),
    Column("delimiter", String(1)),
    # rows = good + duplicates + bad; blank rows are not kept.
    Column("rows", Integer, nullable=False),
    Column("good", Integer, nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("blank", Integer, nullable=False),
    Column("mended", Integer, nullable=False),
    Column("ignored_columns", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("rows = good + duplicates + bad", name="rows_add_up"),
    Index("ix_imports_created_at", "created_at"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("import_id", ID, ForeignKey("imports.id"), nullable=False),
    Column("row", Integer, nullable=False),  # as a spreadsheet counts, from 1
    Column("student", NAME),  # null where the cell names none
    Column("typed", String(100)),  # the cell, where it names none
    Column("note", String(200)),
    # Why nobody is issued anything for the row (core/audiences/imports.RowFault); null = good.
    Column("fault", String(20)),
    Column("column", String(8)),  # where the fault is: student note
    Column("first_row", Integer),  # of a duplicate: the row with the same student
    PrimaryKeyConstraint("import_id", "row"),
    CheckConstraint("fault IS NOT NULL OR student IS NOT NULL", name="good_has_student"),
    # The two lists of a preview, duplicates and bad rows.
    Index(
        "ix_import_rows_faults",
        "import_id",
        "row",
        "fault",
        sqlite_where=_HAS_FAULT,
        postgresql_where=_HAS_FAULT,
    ),
    # For who exports or erases a student.
    Index("ix_import_rows_student", "student"),
)
