"""Confirm the payment of an order: its locked coupons become redeemed.

Called by the API for the school's back end. One transaction in the ledger; the order of its row locks is that
of redemptions.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout import redemption_events
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.redemptions import (
    Payment,
    Redemption,
    RedemptionState,
    is_paid_as_locked,
    payment_violations,
    time_violations,
)
from server.core.coupons.coupons import Coupon, CouponState
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, unlock, use_limits
from server.flows.checkout.coupon_availability import unusable_refusal
from server.flows.promotions import budgets
from server.ledger import event_log
from server.ledger.checkout import redemptions
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.coupons.coupon_moves import MovedCoupon
from server.ledger.engine import Ledger

_LOST_REASONS: Final[Mapping[CouponState, Reason]] = {
    CouponState.LOCKED: Reason.LOCKED,
    CouponState.REDEEMED: Reason.REDEEMED,
    CouponState.RELEASED: Reason.RELEASED,
}


@returns_refusal
async def confirm(
    ledger: Ledger, redemption_id: str, payment: Payment, now: int
) -> Redemption | Refused:
    """Confirm that the order is paid, and redeem its coupons. Repeatable: the first payment stays on record.

    A payment that comes after the lock has ended is accepted as long as no other order has the coupons,
    whatever their dates say by then, because the student has paid what we promised.

    Refuses with `not_found`; `wrong_state` once the order is cancelled; `total_changed` (`paid`, `payable`,
    `version`) where something else was paid than is locked (core.redemptions.is_paid_as_locked);
    `coupon_locked` or `coupon_unusable` where another order has a coupon by now. After a refusal nothing
    has changed, and the school has to decide.
    """
    broken = [*payment_violations(payment)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        redemption = await unlock.find_for_update(conn, redemption_id)
        is_redeemed = redemption.state is RedemptionState.REDEEMED
        if not is_redeemed:
            unlock.abort_unless_changeable(redemption)
        _abort_if_paid_otherwise(redemption, payment)
        if is_redeemed:
            return redemption
        _abort_if_payment_time_is_wrong(redemption, payment, now)
        spent = await _redeem_coupons(conn, redemption, now)
        if redemption.state is RedemptionState.EXPIRED:  # it was given back
            await balances.take(conn, redemption, now)
        paid = replace(
            redemption,
            state=RedemptionState.REDEEMED,
            payment_ref=payment.payment_ref,
            paid_at=now if payment.paid_at is None else payment.paid_at,
            updated_at=now,
        )
        await redemptions.store_payment(conn, paid)
        await balances.earn_all(conn, paid, now)
        if any(one.budget is not None for one in spent):
            await budgets.settle(conn, redemption.costs, now)
        await event_log.record(conn, [redemption_events.redeemed(paid)])
    return paid


def _abort_if_paid_otherwise(redemption: Redemption, payment: Payment) -> None:
    if is_paid_as_locked(redemption, payment):
        return
    facts: dict[str, object] = {"payable": redemption.payable, "version": redemption.version}
    if payment.paid is not None:
        facts["paid"] = payment.paid
    raise Abort(
        Refused(
            Code.TOTAL_CHANGED,
            f"{redemption.payable} are locked, version {redemption.version}",
            facts,
        )
    )


def _abort_if_payment_time_is_wrong(redemption: Redemption, payment: Payment, now: int) -> None:
    broken = [*time_violations(payment, redemption, now)]
    if broken:
        raise Abort(refused(broken))


async def _redeem_coupons(
    conn: AsyncConnection, redemption: Redemption, now: int
) -> list[MovedCoupon]:
    """Redeem the order's coupons, also those whose lock has ended; return them as they were moved.

    Abort(coupon_locked, coupon_unusable) where one of them is on another order, used, or gone.
    """
    ids = [coupon.coupon_id for coupon in redemption.coupons]
    if len(ids) > 1:  # a single row is locked by its own UPDATE; several have to be locked in order
        await coupons.lock_rows_for_update(conn, ids)
    redeemed = await coupon_moves.redeem(conn, ids, redemption.id, now) if ids else []
    if len(redeemed) == len(ids):
        return redeemed
    ended = set(ids) - {one.id for one in redeemed}
    late = await coupon_moves.redeem_late(conn, ended, redemption.id, now)
    await use_limits.count(conn, redemption.student, late, +1)
    lost = ended - {one.id for one in late}
    if lost:
        raise Abort(unusable_refusal(_lost_reasons(await coupons.by_ids(conn, lost))))
    return redeemed + late


def _lost_reasons(lost: Sequence[Coupon]) -> dict[str, Reason]:
    return {coupon.code: _LOST_REASONS.get(coupon.state, Reason.REVOKED) for coupon in lost}
