"""Batches that end for good, and approvals that nobody answered in time."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    String,
    UniqueConstraint,
    text,
)

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_ALL = "id, kind, subject, state, facts, plan, asked_by, asked_at, decided_by, decided_at, note"


def upgrade() -> None:
    for column in (
        Column("ended_at", BigInteger),
        Column("ended_by", String(64)),
        Column("end_reason", String(200)),
    ):
        op.add_column("batches", column)
    # Made anew under its own name, for its constraints' names: SQLite alters none of them.
    op.execute(f"CREATE TEMPORARY TABLE kept_approvals AS SELECT {_ALL} FROM approvals")
    op.drop_table("approvals")
    _approvals()
    op.execute(f"INSERT INTO approvals ({_ALL}) SELECT {_ALL} FROM kept_approvals")
    op.execute("DROP TABLE kept_approvals")


def _approvals() -> None:
    op.create_table(
        "approvals",
        Column("id", String(40), primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("subject", String(40), nullable=False),
        Column("state", String(16), nullable=False),
        Column("facts", JSON, nullable=False),
        Column("plan", JSON, nullable=False),
        Column("asked_by", String(64), nullable=False),
        Column("asked_at", BigInteger, nullable=False),
        Column("decided_by", String(64)),
        Column("decided_at", BigInteger),
        Column("note", String(200), nullable=False, server_default=""),
        UniqueConstraint("subject"),
        CheckConstraint(
            "state IN ('waiting','approved','rejected','withdrawn','expired')",
            name="state_known",
        ),
        CheckConstraint(
            "(state = 'waiting') = (decided_by IS NULL)",
            name="decided_iff_not_waiting",
        ),
        CheckConstraint("state = 'withdrawn' OR decided_by <> asked_by", name="by_another"),
    )
    op.create_index(
        "ix_approvals_waiting",
        "approvals",
        ["id"],
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    )
