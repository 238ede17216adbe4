"""The lists of the office: all orders and all coupons, with the filters of both."""

from typing import Literal, NotRequired, TypedDict

ListedOrderState = Literal["locked", "redeemed", "cancelled", "expired"]
ListedCouponState = Literal["usable", "locked", "redeemed", "expired", "released", "revoked"]
OrderFilter = TypedDict(
    "OrderFilter",
    {
        "student": NotRequired[str],
        "state": NotRequired[ListedOrderState],
        "batch_id": NotRequired[str],
        "from": NotRequired[str],
        "to": NotRequired[str],
    },
)
CouponFilter = TypedDict(
    "CouponFilter",
    {
        "student": NotRequired[str],
        "batch_id": NotRequired[str],
        "drop_id": NotRequired[str],
        "campaign_id": NotRequired[str],
        "source": NotRequired[str],
        "state": NotRequired[ListedCouponState],
        "from": NotRequired[str],
        "to": NotRequired[str],
    },
)


class ListedOrder(TypedDict):
    """An order in the list; `id` is its redemption's. `codes`: of the coupons on it."""

    id: str
    order_id: str
    student: str
    state: ListedOrderState
    currency: str
    subtotal: int
    discount: int
    payable: int
    refunded: int
    codes: list[str]
    payment_ref: NotRequired[str]
    created_at: str
    paid_at: NotRequired[str]
    expires_at: str


class Orders(TypedDict):
    """A page of orders, newest first. It may be short, even empty: go on while `next` is not null."""

    orders: list[ListedOrder]
    next: str | None


class ListedCoupon(TypedDict):
    """A coupon in the list. `name`: its template's. `state`: the one that its student sees."""

    id: str
    code: str
    state: ListedCouponState
    student: NotRequired[str]
    source: str
    name: str
    batch_id: str
    template_id: str
    drop_id: NotRequired[str]
    issuance_id: NotRequired[str]
    order_id: NotRequired[str]
    valid_from: str
    valid_until: str
    use_by: str
    created_at: str
    redeemed_at: NotRequired[str]


class ListedCoupons(TypedDict):
    """A page of coupons, newest first. It may be short, even empty: go on while `next` is not null."""

    coupons: list[ListedCoupon]
    next: str | None


FoundKind = Literal[
    "student",
    "coupon",
    "order",
    "template",
    "batch",
    "campaign",
    "price_rule",
    "approval",
    "drop",
    "room",
    "link",
    "issuance",
    "audience",
    "import",
    "trigger",
    "pack",
    "lottery",
    "experiment",
    "offer",
    "message",
    "webhook",
    "alert",
    "act",
    "block",
    "job",
]


class Found(TypedDict):
    """A thing that one text names. `id`: of an order the school's number."""

    kind: FoundKind
    id: str
    name: NotRequired[str]
    state: NotRequired[str]
    student: NotRequired[str]
    code: NotRequired[str]
    room: NotRequired[str]


class FoundThings(TypedDict):
    """All that one text names, the most exact first."""

    found: list[Found]
