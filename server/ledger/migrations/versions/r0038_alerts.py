"""Alerts: what somebody must look at."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, String, text

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ID, NAME = String(40), String(64)
PRESENT = text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "alerts",
        Column("id", ID, primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("subject", ID, nullable=False),
        Column("level", Integer, nullable=False),
        Column("facts", JSON, nullable=False),
        Column("raised_at", BigInteger, nullable=False),
        Column("dismissed_by", NAME),
        Column("ended_at", BigInteger),
        Column("ended_by", NAME),
        Column("acting_until", BigInteger, nullable=False, server_default="0"),
    )
    op.create_index(
        "uq_alerts_kind_subject",
        "alerts",
        ["kind", "subject"],
        unique=True,
        sqlite_where=PRESENT,
        postgresql_where=PRESENT,
    )
    op.create_index("ix_alerts_ended_at_id", "alerts", ["ended_at", "id"])
    op.create_index("ix_batches_created_at", "batches", ["created_at"])
