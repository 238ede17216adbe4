"""Coupons on an order: locked while the student pays, then redeemed, or free again.

Called by the API for the school's back end, and by the worker that ends overdue locks. Everything
is one transaction in the ledger; the desk is told later, and only where an ended lock moved a hold.
Within a transaction the redemption's row is held first and then all its coupons' rows, in the order of
their ids: two orders that want one coupon queue up, the first has it, and nobody waits for ever.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core import codes
from server.core.coupons import LEAST_HOLD_AFTER_LOCK_MS, Coupon, CouponState
from server.core.quotes import Applied, Quote, Reason, quote
from server.core.redemptions import (
    LOCK_LIMIT_MS,
    LockForm,
    Payment,
    RedeemedCoupon,
    Redemption,
    RedemptionState,
    lock_violations,
    payment_violations,
)
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows import budgets
from server.flows.stopping import Stop, refusing
from server.ids import new_id
from server.ledger import coupons, intents, redemptions, stops
from server.ledger.engine import Ledger
from server.ledger.intents import Intent, IntentKind


@refusing
async def lock(
    ledger: Ledger, form: LockForm, now: int, lock_limit_ms: int = LOCK_LIMIT_MS
) -> Redemption | Refused:
    """Locks these coupons, all or none, on the order until `expires_at`.

    Asked again with the same order id it replaces its lock under the same id, also after the lock
    ended; coupons it no longer names are free again. Refuses with `coupon_locked` and
    `coupon_unusable` (`coupons: [{code, reason}]`), `total_changed` (`payable`), `wrong_state` for
    an order that is paid, cancelled or another student's. A refusal leaves the lock before it.
    """
    broken = lock_violations(form)
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        held = await _hold_for_order(conn, _unquoted(form, now, lock_limit_ms))
        quoted = await _quote_held(conn, form, held, now)
        _stop_where_not_as_asked(form, quoted)
        locked = _locked(held, form, quoted)
        locked = replace(locked, expires_at=now + lock_limit_ms, updated_at=now)
        await redemptions.store_lock(conn, locked)
        for coupon in locked.coupons:
            await coupons.lock(conn, coupon.coupon_id, locked.id)
    return locked


async def find(ledger: Ledger, redemption_id: str) -> Redemption | Refused:
    async with ledger.read() as conn:
        return await redemptions.find(conn, redemption_id) or Refused(Code.NOT_FOUND)


async def find_by_order(ledger: Ledger, order_id: str) -> Redemption | Refused:
    async with ledger.read() as conn:
        return await redemptions.find_by_order(conn, order_id) or Refused(Code.NOT_FOUND)


@refusing
async def confirm(
    ledger: Ledger, redemption_id: str, payment: Payment, now: int
) -> Redemption | Refused:
    """The order is paid: its coupons are spent. Repeatable; the first payment stays on record.

    A payment that comes after the lock ended is honoured as long as nobody else has the coupons,
    whatever their dates say by then: the student paid what we had promised. Else `coupon_locked` or
    `coupon_unusable`, and the school has to decide. `wrong_state` once it was cancelled.
    """
    broken = [*payment_violations(payment)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        held = await _hold(conn, redemption_id)
        if held.state is RedemptionState.REDEEMED:
            return held
        _stop_where_over(held)
        await _redeem_all(conn, held, now)
        await redemptions.store_payment(conn, held.id, payment, now)
        await budgets.settle(conn, {each.coupon_id: each.discount for each in held.coupons}, now)
        return await _hold(conn, held.id)


@refusing
async def cancel(ledger: Ledger, redemption_id: str, now: int) -> Redemption | Refused:
    """The order is off: its coupons are free. Repeatable. `wrong_state` once it is paid: that is a
    refund, with rules of its own.
    """
    async with ledger.begin() as conn:
        held = await _hold(conn, redemption_id)
        if held.state is RedemptionState.CANCELLED:
            return held
        _stop_where_over(held)
        await _end(conn, held, RedemptionState.CANCELLED, now)
        return await _hold(conn, held.id)


async def expire_overdue(ledger: Ledger, now: int, limit: int = 200) -> int:
    """Ends locks whose time is over; how many. Each in a transaction of its own, so that one that
    somebody is just paying for keeps no other waiting. Any number of workers may do it at once.
    """
    async with ledger.read() as conn:
        overdue = await redemptions.overdue(conn, now, limit)
    return sum([await _expire(ledger, redemption_id, now) for redemption_id in overdue])


async def _expire(ledger: Ledger, redemption_id: str, now: int) -> bool:
    async with ledger.begin() as conn:
        held = await redemptions.hold(conn, redemption_id)
        if held is None or held.state is not RedemptionState.LOCKED or held.expires_at > now:
            return False  # paid, locked anew or ended since we looked
        await _end(conn, held, RedemptionState.EXPIRED, now)
        return True


def _unquoted(form: LockForm, now: int, lock_limit_ms: int) -> Redemption:
    """The row that makes two requests for one order queue up; never seen by anybody like this."""
    return Redemption(
        id=new_id("rdm"),
        order_id=form.order_id,
        student=form.student,
        state=RedemptionState.LOCKED,
        order=form.order,
        discount=0,
        payable=form.order.subtotal,
        lines=(),
        coupons=(),
        expires_at=now + lock_limit_ms,
        created_at=now,
        updated_at=now,
    )


async def _hold_for_order(conn: AsyncConnection, fresh: Redemption) -> Redemption:
    held = await redemptions.hold_for_order(conn, fresh)
    _stop_where_over(held)
    if held.student != fresh.student:
        raise Stop(Refused(Code.WRONG_STATE, "the order is another student's"))
    return held


async def _quote_held(conn: AsyncConnection, form: LockForm, held: Redemption, now: int) -> Quote:
    """Quotes again, on coupons that nobody else can move any more, with its own lock undone."""
    typed = {codes.normalise(code) for code in form.coupons}
    wanted = await coupons.ids_of_codes(conn, form.student, typed)
    await coupons.hold_rows(conn, [*wanted, *(coupon.coupon_id for coupon in held.coupons)])
    await _unlock_all(conn, held, now)
    wallet = await coupons.by_codes(conn, form.student, typed)
    stopped = await stops.batches_without_use(conn, [coupon.batch_id for coupon in wallet])
    return quote(form.order, wallet, form.coupons, now, stopped=stopped)


def _stop_where_not_as_asked(form: LockForm, quoted: Quote) -> None:
    if quoted.unusable:
        reasons = {found.code: found.reason for found in quoted.unusable}
        raise Stop(_unusable(reasons))
    if form.expected_payable not in (None, quoted.payable):
        raise Stop(
            Refused(
                Code.TOTAL_CHANGED,
                f"the order costs {quoted.payable} now",
                {"payable": quoted.payable},
            )
        )


def _locked(held: Redemption, form: LockForm, quoted: Quote) -> Redemption:
    return replace(
        held,
        state=RedemptionState.LOCKED,
        order=form.order,
        discount=quoted.discount,
        payable=quoted.payable,
        lines=quoted.lines,
        coupons=tuple(_redeemed_coupon(form, applied) for applied in quoted.applied),
    )


def _redeemed_coupon(form: LockForm, applied: Applied) -> RedeemedCoupon:
    by_line = {
        line.id: share
        for line, share in zip(form.order.lines, applied.shares, strict=True)
        if share
    }
    return RedeemedCoupon(applied.coupon.id, applied.coupon.code, applied.discount, by_line)


async def _hold(conn: AsyncConnection, redemption_id: str) -> Redemption:
    held = await redemptions.hold(conn, redemption_id)
    if held is None:
        raise Stop(Refused(Code.NOT_FOUND))
    return held


def _stop_where_over(held: Redemption) -> None:
    if not held.state.may_change:
        raise Stop(Refused(Code.WRONG_STATE, f"the order is {held.state}", {"state": held.state}))


async def _end(conn: AsyncConnection, held: Redemption, state: RedemptionState, now: int) -> None:
    await coupons.hold_rows(conn, (coupon.coupon_id for coupon in held.coupons))
    await _unlock_all(conn, held, now)
    await redemptions.store_end(conn, held.id, state, now)


async def _unlock_all(conn: AsyncConnection, held: Redemption, now: int) -> None:
    """An order whose lock ended has nothing locked any more. A hold that would be over is longer now: its
    student is to see the one date everywhere, and a worker tells desk and room of it."""
    ids = [coupon.coupon_id for coupon in held.coupons]
    freed = [each for each in ids if await coupons.unlock(conn, each, held.id, now)]
    moved: defaultdict[str, list[str]] = defaultdict(list)
    for hold in await coupons.held_until(conn, freed, now + LEAST_HOLD_AFTER_LOCK_MS):
        moved[hold.drop_id].append(hold.coupon_id)
    for drop_id, of_drop in moved.items():
        payload = {"coupons": of_drop}
        intent = Intent(new_id("int"), IntentKind.MOVE_HOLD, drop_id, now, payload)
        await intents.write(conn, intent)


async def _redeem_all(conn: AsyncConnection, held: Redemption, now: int) -> None:
    ids = [coupon.coupon_id for coupon in held.coupons]
    await coupons.hold_rows(conn, ids)
    lost = [each for each in ids if not await coupons.redeem(conn, each, held.id, now)]
    if lost:
        raise Stop(_unusable(_lost_reasons(await coupons.by_ids(conn, lost))))


_LOST: Final[Mapping[CouponState, Reason]] = {
    CouponState.LOCKED: Reason.LOCKED,
    CouponState.REDEEMED: Reason.REDEEMED,
    CouponState.RELEASED: Reason.RELEASED,
}


def _lost_reasons(lost: Sequence[Coupon]) -> dict[str, Reason]:
    return {coupon.code: _LOST.get(coupon.state, Reason.REVOKED) for coupon in lost}


def _unusable(reasons: Mapping[str, Reason]) -> Refused:
    """`coupon_locked` where waiting for another order's end may help, else `coupon_unusable`."""
    code = Code.COUPON_LOCKED if Reason.LOCKED in reasons.values() else Code.COUPON_UNUSABLE
    told = [{"code": coupon, "reason": reason.value} for coupon, reason in reasons.items()]
    return Refused(code, _detail(reasons), {"coupons": told})


def _detail(reasons: Mapping[str, Reason]) -> str:
    return "; ".join(f"{coupon}: {reason}" for coupon, reason in reasons.items())
