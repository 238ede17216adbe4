"""Webhooks, and coupons whose expiry the school has not heard of.

A coupon that expired before this version is not told of. A server of the version before sends no events.
"""

from time import time

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    String,
    Text,
    bindparam,
    text,
)

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID = String(40)
NAME = String(64)
_UNTOLD = text("state = 'usable' AND student IS NOT NULL AND expiry_told_at IS NULL")


def upgrade() -> None:
    _webhooks()
    op.create_table(
        "webhook_replays",
        Column("id", ID, primary_key=True),
        Column("webhook_id", ID, ForeignKey("webhooks.id"), nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("until_seq", BigInteger, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("position <= until_seq", name="range_forward"),
    )
    op.create_index("ix_webhook_replays_webhook_id", "webhook_replays", ["webhook_id"])
    _deliveries()
    op.add_column("coupons", Column("expiry_told_at", BigInteger))
    now = int(time() * 1000)
    op.execute(
        text(
            "UPDATE coupons SET expiry_told_at = :now WHERE state = 'usable' AND valid_until <= :now"
        ).bindparams(bindparam("now", now, BigInteger))
    )
    op.create_index(
        "ix_coupons_untold_expiry",
        "coupons",
        ["valid_until"],
        sqlite_where=_UNTOLD,
        postgresql_where=_UNTOLD,
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        Column("id", ID, primary_key=True),
        Column("url", String(2_000), nullable=False),
        Column("types", JSON),
        Column("batch", Boolean, nullable=False),
        Column("state", String(8), nullable=False),
        Column("reason", String(40)),
        Column("secret", String(80), nullable=False),
        Column("old_secret", String(80)),
        Column("old_secret_until", BigInteger),
        Column("position", BigInteger, nullable=False),
        Column("sending_until", BigInteger),
        Column("failures", Integer, nullable=False, server_default="0"),
        Column("failing_since", BigInteger),
        Column("next_try_at", BigInteger, nullable=False, server_default="0"),
        Column("paused_at", BigInteger),
        Column("lease_owner", ID),
        Column("lease_until", BigInteger, nullable=False, server_default="0"),
        Column("metadata", JSON, nullable=False),
        Column("created_by", NAME, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        CheckConstraint("state IN ('active','paused','disabled')", name="state_known"),
    )


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        Column("id", ID, primary_key=True),
        Column("webhook_id", ID, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("kind", String(8), nullable=False),
        Column("first_seq", BigInteger),
        Column("last_seq", BigInteger),
        Column("events", Integer, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("status", Integer),
        Column("error", String(100)),
        Column("answer", Text),
        Column("duration_ms", Integer, nullable=False),
    )
    op.create_index(
        "ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"]
    )
    op.create_index("ix_webhook_deliveries_at", "webhook_deliveries", ["at"])
