"""Redemptions, refunds and the records of orders. Amounts are minor units."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.coupons import CouponRecord
from client_sdk.python.shapes.quotes import Order, PricedLine, QuotedGift


class RedemptionForm(TypedDict):
    """The body that locks coupons for an order. The lock is refused with `total_changed` where the order
    does not come to `expected_payable`."""

    order_id: str
    student: str
    order: Order
    coupons: list[str]
    expected_payable: NotRequired[int]
    lock_seconds: NotRequired[int]
    balance: NotRequired[int]
    metadata: NotRequired[dict[str, str] | None]


class Payment(TypedDict, total=False):
    """The sum `paid`, and the version of the lock that was paid for. One of the two is needed where the
    order's lock was replaced."""

    payment_ref: str
    paid_at: str
    paid: int
    expected_version: int


class RefundLine(TypedDict):
    """The pieces or the money to refund of a line. With neither, all that is left of the line."""

    id: str
    quantity: NotRequired[int]
    amount: NotRequired[int]


class RefundForm(TypedDict):
    """The body of a refund. Without `lines`, all that is left of the order; `preview` changes nothing."""

    refund_id: str
    lines: NotRequired[list[RefundLine]]
    preview: NotRequired[bool]
    metadata: NotRequired[dict[str, str] | None]


class RefundedLine(TypedDict):
    """A line of a refund. `refundable` is what is left to refund after it."""

    id: str
    refunded: int
    quantity: int
    refundable: int


class CouponOfRefund(TypedDict):
    """The state of a coupon after the refund. `budget_short`: it stays used, because its campaign's budget
    has no room for a second use."""

    code: str
    state: str
    reason: NotRequired[Literal["budget_short"]]


class Refund(TypedDict):
    """A refund. `refunded` is to be paid back now: the sum of its lines, less `charged_back`.

    `total` is what the order's refunds come to. `balance` is what went back to the student's balance
    besides.
    """

    refund_id: str
    refunded: int
    charged_back: int
    total: int
    balance: int
    lines: list[RefundedLine]
    coupons: list[CouponOfRefund]
    metadata: dict[str, str]
    created_at: str


class RedeemedCoupon(TypedDict):
    """A coupon on an order. `shares` is the discount of each line, by the line's id."""

    id: str
    code: str
    discount: int
    shares: dict[str, int]


class EarnedRebate(TypedDict):
    """The rebate of a coupon on an order. `shares` is the amount that each line earns, by the line's id.
    `days` is absent where it is credited at the payment."""

    coupon_id: str
    amount: int
    days: NotRequired[int]
    shares: dict[str, int]


class Redemption(TypedDict):
    """Coupons on an order. `version` grows by one for each other lock that takes its place.

    `balance` is the part that the student's balance pays; `refunded` is the sum of `refunds`.
    """

    id: str
    order_id: str
    student: str
    state: Literal["locked", "redeemed", "cancelled", "expired"]
    version: int
    expires_at: str
    currency: str
    subtotal: int
    discount: int
    payable: int
    lines: list[PricedLine]
    coupons: list[RedeemedCoupon]
    gifts: list[QuotedGift]
    rebates: list[EarnedRebate]
    balance: int
    payment_ref: NotRequired[str]
    paid_at: NotRequired[str]
    refunded: int
    refunds: list[Refund]
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class OrderCoupon(TypedDict):
    """A coupon of an order, with its whole record. `shares` is the discount of each line, by its id."""

    discount: int
    shares: dict[str, int]
    coupon: CouponRecord


class RecordedLine(TypedDict):
    """A line of an order: amount = discount + payable. `refunded` is money, `returned` is pieces."""

    id: str
    kind: Literal["course", "shipping", "tax", "fee"]
    course: NotRequired[str]
    quantity: int
    unit_price: int
    list_price: NotRequired[int]
    amount: int
    discount: int
    payable: int
    refunded: int
    returned: int


class CancelledLock(TypedDict):
    """A lock that was cancelled before its order was locked again."""

    version: int
    cancelled_at: str
    payable: int


class OrderRecord(TypedDict):
    """An order with everything that happened to it. `list_total` is its sum before the school's own sale
    prices; `cancelled_locks` are those before `redemption`."""

    order_id: str
    list_total: int
    lines: list[RecordedLine]
    coupons: list[OrderCoupon]
    redemption: Redemption
    cancelled_locks: list[CancelledLock]
