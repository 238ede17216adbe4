"""The states of a coupon: the one table of its transitions, and where its unit is in each state.

Used by ledger/coupons/coupon_moves.py, where each transition is one conditional UPDATE. REFERENCE.md shows
the tables (tests/support/rendered.py). Windows and holds are in core/coupons/coupons.py.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from server.core.coupons.coupons import CouponState


class CouponEvent(StrEnum):
    """An event in the life of a coupon, in the words of its history."""

    LOCKED = "locked"
    FREED = "freed"
    KEPT = "kept"
    PAID = "paid"
    PAID_LATE = "paid_late"
    GIVEN_BACK = "given_back"
    WINDOW_ENDED = "window_ended"
    HOLD_ENDED = "hold_ended"
    REVOKED = "revoked"
    TAKEN_BACK = "taken_back"
    VOIDED = "voided"


class Transition(NamedTuple):
    """One row of the table: in state `source`, `event` leads to `target`."""

    source: CouponState
    event: CouponEvent
    target: CouponState
    by: str


_S, _E = CouponState, CouponEvent

# `expired` is never stored: the row stays `usable` and is read after its use_by. So whatever may happen to an
# expired coupon is a move out of `usable` as well.
TRANSITIONS: Final = (
    Transition(_S.USABLE, _E.LOCKED, _S.LOCKED, "checkout: put on an order"),
    Transition(_S.LOCKED, _E.FREED, _S.USABLE, "checkout: cancelled, replaced, or time over"),
    Transition(_S.LOCKED, _E.KEPT, _S.VOIDED, "checkout: cancelled, and its template keeps it"),
    Transition(_S.LOCKED, _E.PAID, _S.REDEEMED, "checkout: paid"),
    Transition(_S.USABLE, _E.PAID_LATE, _S.REDEEMED, "checkout: paid after the lock ended"),
    Transition(_S.EXPIRED, _E.PAID_LATE, _S.REDEEMED, "checkout: paid after the lock ended"),
    Transition(_S.REDEEMED, _E.GIVEN_BACK, _S.USABLE, "refund: its template gives it back"),
    Transition(_S.USABLE, _E.WINDOW_ENDED, _S.EXPIRED, "time"),
    Transition(_S.EXPIRED, _E.HOLD_ENDED, _S.RELEASED, "worker: its unit is free again"),
    Transition(_S.USABLE, _E.REVOKED, _S.REVOKED, "repair: there was no unit for it"),
    Transition(_S.EXPIRED, _E.REVOKED, _S.REVOKED, "repair: there was no unit for it"),
    Transition(_S.USABLE, _E.TAKEN_BACK, _S.REVOKED, "operator: its issuance was undone"),
    Transition(_S.EXPIRED, _E.TAKEN_BACK, _S.REVOKED, "operator: its issuance was undone"),
    Transition(_S.USABLE, _E.VOIDED, _S.VOIDED, "operator: taken out of use"),
    Transition(_S.EXPIRED, _E.VOIDED, _S.VOIDED, "operator: taken out of use"),
)


def _stored(state: CouponState) -> CouponState:
    return CouponState.USABLE if state is CouponState.EXPIRED else state


_TARGETS: Final = {
    (_stored(each.source), each.event): each.target
    for each in TRANSITIONS
    if _stored(each.source) is not _stored(each.target)
}


def state_after(stored: CouponState, event: CouponEvent) -> CouponState:
    """Return the state to store when this happens to a coupon that is stored as `stored`.

    Raises ValueError if it never happens in that state.
    """
    try:
        return _TARGETS[stored, event]
    except KeyError:
        raise ValueError(f"a coupon that is {stored} is never {event}") from None


class CouponMove(NamedTuple):
    """A line of a coupon's history. `redemption_id`: of the order that it was put on."""

    at: int
    event: CouponEvent
    target: CouponState
    redemption_id: str | None = None


class UnitUse(StrEnum):
    """The place of a unit of a drop's quantity (promise I6). A unit without a coupon is free, or returned
    once it went back to the batch."""

    FREE = "free"
    HELD = "held"
    REDEEMED = "redeemed"
    RETURNED = "returned"


# Where the unit of a coupon is, by the coupon's state. An expired or voided coupon keeps its unit: no other
# student can have it. A free unit of a drop that ended is returned to its batch.
UNIT_USES: Final = {
    CouponState.USABLE: UnitUse.HELD,
    CouponState.LOCKED: UnitUse.HELD,
    CouponState.EXPIRED: UnitUse.HELD,
    CouponState.VOIDED: UnitUse.HELD,
    CouponState.REDEEMED: UnitUse.REDEEMED,
    CouponState.RELEASED: UnitUse.FREE,
    CouponState.REVOKED: UnitUse.FREE,
}
