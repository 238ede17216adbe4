"""Coupons: their states, and when they may be used. What moves a coupon is in
core/coupons/coupon_states.py.

Used by quotes, by the flows of wallet and redemptions, and by the worker that makes coupons of claims and
ends holds. The clock is an argument.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from server.core.ids import BatchId, ClaimId, CouponId, DropId, StudentId
from server.core.promotions.templates import FixedValidity, RelativeValidity, Template, Validity

# After a lock has ended, the student has at least this long to try again, whatever is left of the hold.
LEAST_HOLD_AFTER_LOCK_MS: Final = 60_000
HOLD_ENDED: Final = "hold_ended"  # why a coupon was released, to its student and in the ledger


class CouponState(StrEnum):
    """The state of a coupon. `expired` is never stored: it is a `usable` coupon that is read after its
    use_by."""

    USABLE = "usable"
    LOCKED = "locked"
    REDEEMED = "redeemed"
    RELEASED = "released"
    REVOKED = "revoked"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class UseWindow:
    """The time in which a coupon may be used: [from_at, until_at), in ms UTC."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon with the template version that it was issued from. `state` is the stored one; `hold_until`
    is None if the batch has no hold."""

    id: CouponId
    code: str
    batch_id: BatchId
    template: Template
    student: StudentId | None
    state: CouponState
    valid_from: int
    valid_until: int
    created_at: int
    hold_until: int | None = None
    drop_id: DropId | None = None
    claim_id: ClaimId | None = None
    redemption_id: str | None = None
    redeemed_at: int | None = None

    @property
    def use_by(self) -> int:
        """The one date that a student sees: the coupon is usable before it, and no longer at it."""
        return use_by(self.valid_until, self.hold_until)

    def seen_at(self, now: int) -> CouponState:
        """Return the state as its student sees it: never `voided`, which students see as `revoked`."""
        return seen_state(self.state, self.use_by, now)

    def without_lock(self, now: int) -> "Coupon":
        """Return the coupon as it is if its lock ends now."""
        held = self.hold_until
        # Only a coupon with a hold gets more time; its use window stays as it is.
        longer = None if held is None else max(held, now + LEAST_HOLD_AFTER_LOCK_MS)
        return replace(self, state=CouponState.USABLE, redemption_id=None, hold_until=longer)


class Standing(NamedTuple):
    """A coupon's state since its last move, as it is published to its student.

    `version` counts the moves: of two messages about one coupon, the one with the higher version is the
    later one. `locked_until` is set only while an order has locked the coupon, `redeemed_at` once an order
    has used it, `order_id` in both cases.
    """

    state: CouponState
    version: int
    order_id: str | None = None
    locked_until: int | None = None
    redeemed_at: int | None = None


UNMOVED: Final = Standing(CouponState.USABLE, 0)


class ClaimCoupon(NamedTuple):
    """The part of a claim's coupon that is published to its winner. A NamedTuple, because a drop makes
    thousands a second and a dataclass costs more."""

    claim_id: ClaimId
    drop_id: DropId
    student: StudentId
    id: CouponId
    code: str
    valid_from: int
    valid_until: int
    hold_until: int | None
    template: Template

    @property
    def use_by(self) -> int:
        """The one date that a student sees; see Coupon.use_by."""
        return use_by(self.valid_until, self.hold_until)


def use_window(validity: Validity, claimed_at: int, batch_until: int | None = None) -> UseWindow:
    """Return when a coupon that is claimed at that instant may be used.

    `batch_until` is the end of the batch's claim window. A relative validity outlives it unless the
    template caps it there. The window is never empty: a capped coupon that is claimed at the very end lives
    for a millisecond.
    """
    match validity:
        case FixedValidity(from_at, until_at):
            return UseWindow(from_at, until_at)
        case RelativeValidity(seconds, cap_at_batch_end, wait_seconds):
            from_at = claimed_at + wait_seconds * 1000
            until = from_at + seconds * 1000
            if cap_at_batch_end and batch_until is not None:
                until = max(min(until, batch_until), from_at + 1)
            return UseWindow(from_at, until)
        case _:
            assert_never(validity)


def use_by(valid_until: int, hold_until: int | None) -> int:
    """Return the earlier of the window's end and the hold's end."""
    return valid_until if hold_until is None else min(valid_until, hold_until)


def hold_until(confirmed_at: int, hold_seconds: int | None) -> int | None:
    """Return when the hold ends; None without a hold. It starts when the claim is in the ledger."""
    return None if hold_seconds is None else confirmed_at + hold_seconds * 1000


def seen_state(stored: CouponState, ends_at: int, now: int) -> CouponState:
    """Return the state as a student sees it of a coupon that is stored as `stored`; `ends_at`: its use_by."""
    if stored is CouponState.USABLE and now >= ends_at:
        return CouponState.EXPIRED
    return CouponState.REVOKED if stored is CouponState.VOIDED else stored
