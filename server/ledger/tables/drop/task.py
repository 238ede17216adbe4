"""Tables of tasks: who has passed one by what the ledger knows, who invites, and who came."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

_HASH = String(128)

# `told`: the desk knows. Rows go with what is a year old (flows/tasks/prune).
task_passes = Table(
    "task_passes",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("told", Boolean, nullable=False, server_default=false()),
    PrimaryKeyConstraint("drop_id", "student"),
    Index(
        "ix_task_passes_untold",
        "drop_id",
        sqlite_where=text("told = 0"),
        postgresql_where=text("NOT told"),
    ),
    Index("ix_task_passes_student", "student"),
)

# A student's own link for a drop's task; `code` stands in it, and names nobody.
inviters = Table(
    "inviters",
    metadata,
    Column("code", ID, primary_key=True),
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("person", _HASH),
    Column("device", _HASH),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("drop_id", "student"),
    Index("ix_inviters_student", "student"),
)

# A new student who came by a link: counts once for a drop, whoever's link it was, and so do their person and
# their device.
invitations = Table(
    "invitations",
    metadata,
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("inviter", NAME, nullable=False),
    Column("person", _HASH),
    Column("device", _HASH),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("drop_id", "student"),
    Index("ix_invitations_inviter", "drop_id", "inviter"),
    Index(
        "uq_invitations_person",
        "drop_id",
        "person",
        unique=True,
        sqlite_where=text("person IS NOT NULL"),
        postgresql_where=text("person IS NOT NULL"),
    ),
    Index(
        "uq_invitations_device",
        "drop_id",
        "device",
        unique=True,
        sqlite_where=text("device IS NOT NULL"),
        postgresql_where=text("device IS NOT NULL"),
    ),
    Index("ix_invitations_student", "student"),
    Index("ix_invitations_by", "inviter"),
)
