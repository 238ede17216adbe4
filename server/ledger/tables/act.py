"""Who did what, and what became of each coupon."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, NAME, metadata

# Who did what, and what became of each coupon: written with what they tell of, never changed (append_only).
acts = Table(
    "acts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", NAME, nullable=False),  # the token's subject
    Column("action", String(32), nullable=False),  # core/acts.py
    Column("subject", NAME, nullable=False),  # the id of what it was done to
    Column("detail", JSON, nullable=False),
    Index("ix_acts_subject_id", "subject", "id"),
    Index("ix_acts_actor_id", "actor", "id"),
)

coupon_moves = Table(
    "coupon_moves",
    metadata,
    # Counts up: the moves of a millisecond have an order too.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(16), nullable=False),
    Column("target", String(12), nullable=False),  # the state it led to
    Column("redemption_id", ID, ForeignKey("redemptions.id")),  # null where no order was part of it
    Index("ix_coupon_moves_coupon_id_number", "coupon_id", "number"),
)

keep_rows(acts)
keep_rows(coupon_moves)
