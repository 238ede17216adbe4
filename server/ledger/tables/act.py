"""Tables of the audit log: acts of people, and moves of coupons. Their rows are never changed."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, NAME, metadata

# Inserted in the transaction that does what the act reports; never changed (append_only.py).
acts = Table(
    "acts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", NAME, nullable=False),  # the token's subject
    Column("action", String(32), nullable=False),  # core/acts.py
    Column("subject", NAME, nullable=False),  # the id of the object
    Column("detail", JSON, nullable=False),
    Index("ix_acts_subject_id", "subject", "id"),
    Index("ix_acts_actor_id", "actor", "id"),
    Index("ix_acts_action_id", "action", "id"),
)

coupon_moves = Table(
    "coupon_moves",
    metadata,
    # Counts up, because several moves may have the same millisecond.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("target", String(12), nullable=False),  # the state it led to
    Column("redemption_id", ID, ForeignKey("redemptions.id")),  # null if no order was involved
    Index("ix_coupon_moves_coupon_id_number", "coupon_id", "number"),
)

keep_rows(acts)
keep_rows(coupon_moves)
