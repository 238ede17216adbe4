"""Triggers: coupons that students get when something happens.

A server of the version before fires none.
"""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)


def upgrade() -> None:
    op.create_table(
        "triggers",
        Column("id", ID, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("state", String(8), nullable=False),
        Column("fired", Integer, nullable=False, server_default="0"),
        Column("live_from", BigInteger, nullable=False, server_default="0"),
        Column("catch_up_from", BigInteger),
        Column("paused_seq", BigInteger),
        Column("ended_at", BigInteger),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("state IN ('draft','active','paused','ended')", name="state_known"),
    )
    op.create_index("ix_triggers_state", "triggers", ["state"])
    op.create_table(
        "trigger_versions",
        Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
        Column("version", Integer, nullable=False),
        Column("form", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        PrimaryKeyConstraint("trigger_id", "version"),
    )
    op.create_table(
        "trigger_firings",
        Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
        Column("event_id", ID, nullable=False),
        Column("student", NAME, nullable=False),
        Column("n", Integer, nullable=False),
        Column("version", Integer, nullable=False),
        Column("issuance_id", ID, ForeignKey("issuances.id"), nullable=False),
        Column("at", BigInteger, nullable=False),
        PrimaryKeyConstraint("trigger_id", "event_id"),
        UniqueConstraint("trigger_id", "student", "n"),
    )
    op.create_index("ix_trigger_firings_student", "trigger_firings", ["student"])
    op.create_index("ix_trigger_firings_issuance_id", "trigger_firings", ["issuance_id"])
    op.create_table(
        "trigger_days",
        Column("trigger_id", ID, ForeignKey("triggers.id"), nullable=False),
        Column("day", Integer, nullable=False),
        Column("fired", Integer, nullable=False),
        PrimaryKeyConstraint("trigger_id", "day"),
    )
