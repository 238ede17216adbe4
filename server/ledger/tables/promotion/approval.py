"""The table of approvals. One for each subject at most, with which it stays: it says who agreed."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    String,
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

approvals = Table(
    "approvals",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(16), nullable=False),  # core.approvals.approvals.ApprovalKind
    Column("subject", ID, nullable=False),
    Column("state", String(16), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("asked_by", NAME, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("decided_by", NAME),
    Column("decided_at", BigInteger),
    Column("note", String(200), nullable=False, server_default=""),
    UniqueConstraint("subject"),
    CheckConstraint(
        "state IN ('waiting','approved','rejected','withdrawn','expired')", name="state_known"
    ),
    CheckConstraint("(state = 'waiting') = (decided_by IS NULL)", name="decided_iff_not_waiting"),
    CheckConstraint("state = 'withdrawn' OR decided_by <> asked_by", name="by_another"),
    Index(
        "ix_approvals_waiting",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
