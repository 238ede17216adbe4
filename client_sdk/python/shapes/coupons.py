"""Coupons: in a wallet, in a room, and with their history."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.templates import Template

CouponState = Literal["usable", "locked", "redeemed", "released", "revoked", "voided", "expired"]

CouponEventName = Literal[
    "locked",
    "freed",
    "kept",
    "paid",
    "paid_late",
    "given_back",
    "taken_back",
    "window_ended",
    "hold_ended",
    "revoked",
    "voided",
]


class Coupon(TypedDict):
    """A coupon that a claim gave. `use_by` is the one date to show.

    `state`: usable, locked, redeemed, expired or voided. `version` counts its changes of state; absent
    means 0. `order_id` is there while it is locked or redeemed, `locked_until` while it is locked.
    """

    id: str
    code: str
    name: str
    valid_from: str
    valid_until: str
    use_by: str
    use_url: NotRequired[str]
    state: str
    version: NotRequired[int]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]
    rehearsal: NotRequired[bool]


class CouponChange(TypedDict):
    """A change of state of one of the student's coupons. `drop_id` is absent where no drop gave it."""

    coupon_id: str
    drop_id: NotRequired[str]
    state: str
    version: NotRequired[int]
    use_by: NotRequired[str]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]


class WalletCoupon(TypedDict):
    """A coupon in the student's wallet, also when it was released or revoked. See `Coupon`."""

    id: str
    code: str
    state: Literal["usable", "locked", "redeemed", "expired", "released", "revoked"]
    name: str
    template: Template
    valid_from: str
    valid_until: str
    use_by: str
    drop_id: NotRequired[str]
    batch_id: str
    version: NotRequired[int]
    order_id: NotRequired[str]
    locked_until: NotRequired[str]
    redeemed_at: NotRequired[str]


class PendingClaim(TypedDict):
    """A claim that is won and not confirmed yet, so that it has no coupon."""

    drop_id: str
    state: Literal["won"]
    won_at: str


class Wallet(TypedDict):
    """A page of the student's coupons, newest first. `next` is null on the last page."""

    coupons: list[WalletCoupon]
    pending: list[PendingClaim]
    next: str | None


class CouponMove(TypedDict):
    """An event of a coupon, and the state that it led to."""

    at: str
    event: CouponEventName
    state: CouponState
    order_id: NotRequired[str]


class CouponRecord(TypedDict):
    """A coupon with its whole `history`, the oldest move first. `student` is absent while nobody has it."""

    id: str
    code: str
    state: CouponState
    student: NotRequired[str]
    source: str
    batch_id: str
    drop_id: NotRequired[str]
    template: Template
    valid_from: str
    valid_until: str
    use_by: str
    created_at: str
    won_at: NotRequired[str]
    bound_at: NotRequired[str]
    redeemed_at: NotRequired[str]
    history: list[CouponMove]
