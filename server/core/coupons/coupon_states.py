"""The one table of a coupon's states: what leads from which to which, and who does it.

Asked by ledger/coupons/coupon_moves.py, where each move is one conditional UPDATE; rendered into
REFERENCE.md; the last table says what the books count in each state. Windows and holds are
core/coupons/coupons.py.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from server.core.coupons.coupons import CouponState


class CouponEvent(StrEnum):
    """What happens to a coupon, in the words of its history."""

    LOCKED = "locked"
    FREED = "freed"
    KEPT = "kept"
    PAID = "paid"
    PAID_LATE = "paid_late"
    GIVEN_BACK = "given_back"
    WINDOW_ENDED = "window_ended"
    HOLD_ENDED = "hold_ended"
    REVOKED = "revoked"
    VOIDED = "voided"


class Transition(NamedTuple):
    source: CouponState
    event: CouponEvent
    target: CouponState
    by: str


_S, _E = CouponState, CouponEvent

# `expired` is never stored: the row stays `usable` and is seen after its use_by, so whatever may
# happen to it then is a move out of `usable` as well.
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


def after(stored: CouponState, event: CouponEvent) -> CouponState:
    """The state to be stored when this happens to a coupon stored as that. ValueError where it
    never does.
    """
    try:
        return _TARGETS[stored, event]
    except KeyError:
        raise ValueError(f"a coupon that is {stored} is never {event}") from None


class CouponMove(NamedTuple):
    """A line of a coupon's history. `redemption_id`: of the order it was put on."""

    at: int
    event: CouponEvent
    target: CouponState
    redemption_id: str | None = None


class UnitUse(StrEnum):
    """Where a unit of a drop's quantity is (promise I6). Units without a coupon are free, or
    returned once they went back to the batch.
    """

    FREE = "free"
    HELD = "held"
    REDEEMED = "redeemed"
    RETURNED = "returned"


# What becomes of the unit of a coupon in this state. An expired or voided coupon keeps its unit:
# nobody else can have it, so it was used up. A free unit of a drop that ended is returned to its batch.
UNIT_USES: Final = {
    CouponState.USABLE: UnitUse.HELD,
    CouponState.LOCKED: UnitUse.HELD,
    CouponState.EXPIRED: UnitUse.HELD,
    CouponState.VOIDED: UnitUse.HELD,
    CouponState.REDEEMED: UnitUse.REDEEMED,
    CouponState.RELEASED: UnitUse.FREE,
    CouponState.REVOKED: UnitUse.FREE,
}
