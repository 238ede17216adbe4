"""Tables of price rules, and of the batches that may break them.

Some hundred rules at most (MAX_RULES); an operator deletes one to end it. An override lives with its batch.
"""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, String, Table

from server.ledger.tables.naming import ID, NAME, metadata

price_rules = Table(
    "price_rules",
    metadata,
    Column("id", ID, primary_key=True),
    Column("courses", JSON, nullable=False),  # [id]
    Column("max_days_on_offer", Integer),
    Column("min_days_between", Integer),
    Column("max_depth_percent", Integer),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, server_default="{}"),
)

price_overrides = Table(
    "price_overrides",
    metadata,
    Column("batch_id", ID, ForeignKey("batches.id"), primary_key=True),
    Column("reason", String(200), nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
