"""The events that tell a school of its coupons: made here, so that each looks the same whoever records it.

Called by every flow that puts a coupon into a wallet, and by ledger/coupons/coupon_moves.py, through which
every later change of a coupon passes.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from server.core import instants
from server.core.coupons.coupon_states import CouponEvent
from server.core.coupons.coupons import CouponState
from server.core.event_types import Event, EventType


class ConfirmedCoupon(NamedTuple):
    """A coupon that lies in a wallet from now on. Instants are in ms. `source`: claim, link, qr, list, or
    that of its issuance; `room` only of a claim in a class, `link_id` only of one by a link."""

    id: str
    code: str
    student: str
    batch_id: str
    template_id: str
    template_version: int
    valid_from: int
    valid_until: int
    hold_until: int | None
    source: str
    drop_id: str | None = None
    room: str | None = None
    issuance_id: str | None = None
    link_id: str | None = None


def confirmed(coupon: ConfirmedCoupon, at: int) -> Event:
    """Return the event of a coupon that was claimed, bound or issued at `at` (ms)."""
    hold_until = None if coupon.hold_until is None else instants.to_text(coupon.hold_until)
    data: dict[str, object] = {
        "coupon_id": coupon.id,
        "code": coupon.code,
        "batch_id": coupon.batch_id,
        "template_id": coupon.template_id,
        "template_version": coupon.template_version,
        "source": coupon.source,
        "state": CouponState.USABLE,
        "valid_from": instants.to_text(coupon.valid_from),
        "valid_until": instants.to_text(coupon.valid_until),
    }
    optional = {
        "hold_until": hold_until,
        "drop_id": coupon.drop_id,
        "room": coupon.room,
        "issuance_id": coupon.issuance_id,
        "link_id": coupon.link_id,
    }
    data |= {name: value for name, value in optional.items() if value is not None}
    return Event(EventType.COUPON_CONFIRMED, at, coupon.id, data, coupon.student)


class ChangedCoupon(NamedTuple):
    """A coupon of a student that has left its wallet, or whose window is over."""

    id: str
    code: str
    student: str
    batch_id: str
    drop_id: str | None
    source: str


# What happens to a coupon with an order is told by the order's event, which names its coupons.
_TYPES: Final[Mapping[CouponEvent, EventType]] = {
    CouponEvent.HOLD_ENDED: EventType.COUPON_RELEASED,
    CouponEvent.REVOKED: EventType.COUPON_REVOKED,
    CouponEvent.TAKEN_BACK: EventType.COUPON_REVOKED,
    CouponEvent.VOIDED: EventType.COUPON_REVOKED,
    CouponEvent.KEPT: EventType.COUPON_REVOKED,
}


def is_told(move: CouponEvent) -> bool:
    """Return whether this move of a coupon has an event of its own."""
    return move in _TYPES


def moved(coupon: ChangedCoupon, move: CouponEvent, state: CouponState, at: int) -> Event:
    """Return the event of a move that `is_told`. `state` is the one after it, as a student sees it."""
    seen = CouponState.REVOKED if state is CouponState.VOIDED else state
    data = {**_facts(coupon), "state": seen, "reason": move.value}
    return Event(_TYPES[move], at, coupon.id, data, coupon.student)


def expired(coupon: ChangedCoupon, valid_until: int, at: int) -> Event:
    """Return the event of a coupon whose use window ended at `valid_until` (ms) while it was usable."""
    data = {
        **_facts(coupon),
        "state": CouponState.EXPIRED,
        "valid_until": instants.to_text(valid_until),
    }
    return Event(EventType.COUPON_EXPIRED, at, coupon.id, data, coupon.student)


def _facts(coupon: ChangedCoupon) -> dict[str, object]:
    return {
        "coupon_id": coupon.id,
        "code": coupon.code,
        "batch_id": coupon.batch_id,
        "source": coupon.source,
        **({} if coupon.drop_id is None else {"drop_id": coupon.drop_id}),
    }
