"""Approvals: what waits for a second operator."""

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

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
            "state IN ('waiting','approved','rejected','withdrawn')",
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
