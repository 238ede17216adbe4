"""Imports: files with a column of students.

A server of the version before has none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ID = sa.String(40)
NAME = sa.String(64)
_HAS_FAULT = sa.text("fault IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ID, primary_key=True),
        sa.Column("ready_at", sa.BigInteger),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("encoding", sa.String(16)),
        sa.Column("delimiter", sa.String(1)),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("good", sa.Integer, nullable=False),
        sa.Column("duplicates", sa.Integer, nullable=False),
        sa.Column("bad", sa.Integer, nullable=False),
        sa.Column("blank", sa.Integer, nullable=False),
        sa.Column("mended", sa.Integer, nullable=False),
        sa.Column("ignored_columns", sa.JSON, nullable=False),
        sa.Column("created_by", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.CheckConstraint("rows = good + duplicates + bad", name="rows_add_up"),
    )
    op.create_index("ix_imports_created_at", "imports", ["created_at"])
    op.create_table(
        "import_rows",
        sa.Column("import_id", ID, sa.ForeignKey("imports.id"), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("student", NAME),
        sa.Column("typed", sa.String(100)),
        sa.Column("note", sa.String(200)),
        sa.Column("fault", sa.String(20)),
        sa.Column("column", sa.String(8)),
        sa.Column("first_row", sa.Integer),
        sa.PrimaryKeyConstraint("import_id", "row"),
        sa.CheckConstraint("fault IS NOT NULL OR student IS NOT NULL", name="good_has_student"),
    )
    op.create_index(
        "ix_import_rows_faults",
        "import_rows",
        ["import_id", "row", "fault"],
        sqlite_where=_HAS_FAULT,
        postgresql_where=_HAS_FAULT,
    )
    op.create_index("ix_import_rows_student", "import_rows", ["student"])
