"""Tables of the service itself: intents for the desk, idempotency keys, the epoch of each desk shard."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from server.ledger.tables.naming import ID, NAME, metadata

intents = Table(
    "intents",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(12), nullable=False),  # ledger/intents.IntentKind
    Column("drop_id", ID, ForeignKey("drops.id"), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Index(
        "ix_intents_pending",
        "created_at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    Index("ix_intents_drop_id", "drop_id"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("subject", NAME, nullable=False),
    Column("path", String(200), nullable=False),
    Column("key", String(255), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("resource_id", ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("subject", "path", "key"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

# One row for each desk shard. Transactions that write claims lock it shared, a rebuild exclusively: a rebuild
# reads every claim that was ever committed, and none is committed meanwhile (ledger/desks.py).
desks = Table(
    "desks",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("rebuilt_at", BigInteger),
)
