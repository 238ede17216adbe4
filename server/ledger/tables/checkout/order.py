"""Tables of orders: redemptions with their coupons, cancelled locks, refunds."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from server.ledger.tables.append_only import keep_rows
from server.ledger.tables.naming import ID, NAME, metadata

redemptions = Table(
    "redemptions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("order_id", NAME, nullable=False),
    Column("student", NAME, nullable=False),
    Column("state", String(12), nullable=False),  # locked redeemed cancelled expired
    Column("currency", String(3), nullable=False),
    Column("order", JSON, nullable=False),  # as the school sent it
    Column("subtotal", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("lines", JSON, nullable=False),  # [{id, discount, payable}], frozen by the lock
    Column("expires_at", BigInteger, nullable=False),
    Column("payment_ref", String(200)),
    Column("paid_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("gifts", JSON, nullable=False, server_default="[]"),
    Column("rebates", JSON, nullable=False, server_default="[]"),  # what the payment will earn
    Column("balance", BigInteger, nullable=False, server_default="0"),  # of the discount
    Column("balance_shares", JSON, nullable=False, server_default="{}"),  # {line id: minor units}
    # 1 for the first lock; 0 within the transaction that makes the row.
    Column("version", Integer, nullable=False, server_default="1"),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    UniqueConstraint("order_id"),
    # Promise I7, as far as one row can check it.
    CheckConstraint(
        "discount >= 0 AND payable >= 0 AND discount + payable = subtotal", name="parts_add_up"
    ),
    CheckConstraint("state IN ('locked','redeemed','cancelled','expired')", name="state_known"),
    Index("ix_redemptions_state_expires_at", "state", "expires_at"),
    Index("ix_redemptions_student_id", "student", "id"),
    # What people find an order by who have only their bank's slip.
    Index(
        "ix_redemptions_payment_ref",
        "payment_ref",
        sqlite_where=text("payment_ref IS NOT NULL"),
        postgresql_where=text("payment_ref IS NOT NULL"),
    ),
    # Who paid lately: the rules of audiences count and sum it.
    Index(
        "ix_redemptions_paid_at",
        "paid_at",
        "student",
        sqlite_where=text("state = 'redeemed'"),
        postgresql_where=text("state = 'redeemed'"),
    ),
)

# Cancelled locks of orders that were locked again since.
cancelled_locks = Table(
    "cancelled_locks",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("cancelled_at", BigInteger, nullable=False),
    Column("payable", BigInteger, nullable=False),
    PrimaryKeyConstraint("redemption_id", "version"),
)
keep_rows(cancelled_locks)

redemption_coupons = Table(
    "redemption_coupons",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("coupon_id", ID, ForeignKey("coupons.id"), nullable=False),
    Column("position", Integer, nullable=False),  # order of application
    Column("discount", BigInteger, nullable=False),
    Column("shares", JSON, nullable=False),  # {line id: minor units}
    PrimaryKeyConstraint("redemption_id", "coupon_id"),
    CheckConstraint("discount >= 0", name="discount_not_negative"),
    Index("ix_redemption_coupons_coupon_id", "coupon_id"),
)

refunds = Table(
    "refunds",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1, 2, …: of two refunds at once, one conflicts
    Column("refund_id", NAME, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("charged_back", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),  # of this one and all before it
    Column("payable", BigInteger, nullable=False),  # of the order
    Column("lines", JSON, nullable=False),
    Column("coupons", JSON, nullable=False),  # as they were told
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    PrimaryKeyConstraint("redemption_id", "number"),
    UniqueConstraint("redemption_id", "refund_id"),
    # Promise I7: a refund is not negative, and all refunds are at most what was paid.
    CheckConstraint("refunded >= 0", name="refunded_not_negative"),
    CheckConstraint("total BETWEEN refunded AND payable", name="total_within_payable"),
)

# What was refunded and returned of each line; rows exist from the order's first refund on.
refunded_lines = Table(
    "refunded_lines",
    metadata,
    Column("redemption_id", ID, ForeignKey("redemptions.id"), nullable=False),
    Column("line_id", NAME, nullable=False),
    Column("payable", BigInteger, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("returned", Integer, nullable=False),
    PrimaryKeyConstraint("redemption_id", "line_id"),
    CheckConstraint("refunded BETWEEN 0 AND payable", name="refunded_within_payable"),
    CheckConstraint("returned BETWEEN 0 AND quantity", name="returned_within_quantity"),
)
