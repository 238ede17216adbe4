"""Tables of webhooks: the receivers with their positions in the event log, their replays and deliveries."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from server.ledger.tables.naming import ID, NAME, metadata

# Some dozens at most (core/events/webhooks.py), so they are read whole.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("url", String(2_000), nullable=False),
    Column("types", JSON),  # null = all
    Column("batch", Boolean, nullable=False),
    Column("state", String(8), nullable=False),  # active paused disabled
    Column("reason", String(40)),  # why it is disabled
    # Signing needs the secret itself. It is shown once, and no list, log or repr has it.
    Column("secret", String(80), nullable=False),
    Column("old_secret", String(80)),  # signs as well, until `old_secret_until`
    Column("old_secret_until", BigInteger),
    Column("position", BigInteger, nullable=False),  # the number of the last event that is done
    # The last number of the call that failed: it is repeated as it was, under the same id.
    Column("sending_until", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("failing_since", BigInteger),
    Column("next_try_at", BigInteger, nullable=False, server_default="0"),
    Column("paused_at", BigInteger),
    # The worker that sends to it; another one may begin once the lease is over.
    Column("lease_owner", ID),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("metadata", JSON, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('active','paused','disabled')", name="state_known"),
)

# Ranges that an operator wants sent again; a row leaves when its range is through.
webhook_replays = Table(
    "webhook_replays",
    metadata,
    Column("id", ID, primary_key=True),
    Column("webhook_id", ID, ForeignKey("webhooks.id"), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("until_seq", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("position <= until_seq", name="range_forward"),
    Index("ix_webhook_replays_webhook_id", "webhook_id"),
)

# One row a call, kept for 30 days; those of a webhook that was deleted leave likewise.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("webhook_id", ID, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),  # event replay test
    Column("first_seq", BigInteger),  # null for a test
    Column("last_seq", BigInteger),
    Column("events", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", Integer),  # of the receiver's answer; null = none came
    Column("error", String(100)),  # null = delivered
    Column("answer", Text),  # its first bytes
    Column("duration_ms", Integer, nullable=False),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    Index("ix_webhook_deliveries_at", "at"),
)
