"""Tables of students' balances: pending and credited rebates, the balance, and each change of it."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, NAME, metadata

# Balances from rebates. A balance may be negative: see core/checkout/balances.py.
balances = Table(
    "balances",
    metadata,
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    PrimaryKeyConstraint("student", "currency"),
)

rebates = Table(
    "rebates",
    metadata,
    Column("id", ID, primary_key=True),
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("shares", JSON, nullable=False),  # {line id: minor units}
    Column("taken_back", BigInteger, nullable=False, server_default="0"),
    Column("state", String(12), nullable=False),  # pending credited
    Column("due_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("redemption_id", "coupon_id"),  # an order earns it once
    CheckConstraint("amount > 0", name="amount_positive"),
    CheckConstraint("taken_back BETWEEN 0 AND amount", name="taken_back_within_amount"),
    CheckConstraint("state IN ('pending','credited')", name="state_known"),
    Index("ix_rebates_state_due_at", "state", "due_at"),
)

balance_entries = Table(
    "balance_entries",
    metadata,
    Column("id", ID, primary_key=True),
    Column("student", NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),  # rebate spent given_back taken_back
    Column("redemption_id", ID, ForeignKey("redemptions.id")),
    CheckConstraint("amount <> 0", name="amount_not_zero"),
    Index("ix_balance_entries_student_id", "student", "id"),
)

keep_rows(balance_entries)
