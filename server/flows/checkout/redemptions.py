"""Coupons on an order: locked while the student pays, then redeemed (how else a lock ends is unlock.py).

Called by the API for the school's back end. Each call is one transaction in the ledger. Within it the
redemption's row is held first, then all its coupons' rows, in the order of their ids, then the student's use
counters, then the balance: two orders that want one coupon queue up, the first has it, and nobody waits for
ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.balances import Spent, spend_on
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.quotes import Quote, quote
from server.core.checkout.reasons import Reason
from server.core.checkout.redemptions import (
    LOCK_LIMIT_MS,
    FrozenRebate,
    LockForm,
    Payment,
    RedeemedCoupon,
    Redemption,
    RedemptionState,
    is_paid_as_locked,
    lock_violations,
    payment_violations,
    replacing,
    time_violations,
)
from server.core.checkout.stacking import Applied
from server.core.coupons import codes
from server.core.coupons.coupons import Coupon, CouponState
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, unlock, use_limits
from server.flows.checkout.coupon_availability import quote_context
from server.flows.promotions import budgets
from server.ids import new_id
from server.ledger.checkout import balances as balance_rows
from server.ledger.checkout import redemptions
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.coupons.coupon_moves import MovedCoupon
from server.ledger.engine import Ledger


@returns_refusal
async def lock(
    ledger: Ledger,
    form: LockForm,
    now: int,
    lock_limit_ms: int = LOCK_LIMIT_MS,
    rules: MoneyRules = USUAL_RULES,
) -> Redemption | Refused:
    """Locks these coupons, all or none, on the order until `expires_at`.

    Asked again with the same order id it replaces its lock under the same id, also after the lock
    ended or was cancelled; coupons it no longer names are free again. Refuses with `coupon_locked` and
    `coupon_unusable` (`coupons: [{code, reason}]`), `total_changed` (`payable`), `wrong_state` for
    an order that is paid or another student's. A refusal leaves the lock before it.
    `lock_limit_ms`: the usual time, and the longest that a form may ask for.
    """
    broken = lock_violations(form, lock_limit_ms)
    if broken:
        return refused(broken)
    if form.lock_seconds is not None:
        lock_limit_ms = form.lock_seconds * 1000
    async with ledger.begin() as conn:
        held = await _redemption_for_update(conn, _unquoted(form, now, lock_limit_ms))
        quoted = await _quote_held(conn, form, held, now, rules)
        quoted, spent = await _with_balance(conn, form, held, quoted, now)
        _abort_if_not_as_requested(form, quoted)
        await _take_uses(conn, form.student, quoted)
        locked = _locked(held, form, quoted, spent)
        locked = replace(locked, expires_at=now + lock_limit_ms, updated_at=now)
        locked = replacing(held, locked)
        await redemptions.store_lock(conn, locked, held)
        await balances.take(conn, locked, now)
        if locked.coupons:
            await coupon_moves.lock(
                conn, [each.coupon_id for each in locked.coupons], locked.id, now
            )
    return locked


async def find(ledger: Ledger, redemption_id: str) -> Redemption | Refused:
    async with ledger.read() as conn:
        return await redemptions.find(conn, redemption_id) or Refused(Code.NOT_FOUND)


async def find_by_order(ledger: Ledger, order_id: str) -> Redemption | Refused:
    async with ledger.read() as conn:
        return await redemptions.find_by_order(conn, order_id) or Refused(Code.NOT_FOUND)


@returns_refusal
async def confirm(
    ledger: Ledger, redemption_id: str, payment: Payment, now: int
) -> Redemption | Refused:
    """The order is paid: its coupons are spent. Repeatable; the first payment stays on record.

    Refuses with `total_changed` (`paid`, `payable`, `version`) what was paid for another lock of the
    order, see core.redemptions.is_paid_as_locked: then nothing changes, and the school has to decide.
    A payment that comes after the lock ended is honoured as long as nobody else has the coupons,
    whatever their dates say by then: the student paid what we had promised. Else `coupon_locked` or
    `coupon_unusable`, and the school has to decide. `wrong_state` once it was cancelled.
    """
    broken = [*payment_violations(payment)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        held = await unlock.find_for_update(conn, redemption_id)
        is_redeemed = held.state is RedemptionState.REDEEMED
        if not is_redeemed:
            unlock.abort_if_over(held)
        _abort_if_paid_otherwise(held, payment)
        if is_redeemed:
            return held
        _abort_if_paid_outside_lock(held, payment, now)
        spent = await _redeem_all(conn, held, now)
        if held.state is RedemptionState.EXPIRED:  # it was given back
            await balances.take(conn, held, now)
        paid = replace(
            held,
            state=RedemptionState.REDEEMED,
            payment_ref=payment.payment_ref,
            paid_at=now if payment.paid_at is None else payment.paid_at,
            updated_at=now,
        )
        await redemptions.store_payment(conn, paid)
        await balances.earn_all(conn, paid, now)
        if any(one.budget is not None for one in spent):
            await budgets.settle(conn, held.costs, now)
    return paid


def _abort_if_paid_otherwise(held: Redemption, payment: Payment) -> None:
    if is_paid_as_locked(held, payment):
        return
    facts: dict[str, object] = {"payable": held.payable, "version": held.version}
    if payment.paid is not None:
        facts["paid"] = payment.paid
    raise Abort(
        Refused(Code.TOTAL_CHANGED, f"{held.payable} are locked, version {held.version}", facts)
    )


def _abort_if_paid_outside_lock(held: Redemption, payment: Payment, now: int) -> None:
    broken = [*time_violations(payment, held, now)]
    if broken:
        raise Abort(refused(broken))


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
        version=0,
    )


async def _redemption_for_update(conn: AsyncConnection, fresh: Redemption) -> Redemption:
    held = await redemptions.find_or_insert_for_update(conn, fresh)
    if not held.state.may_be_locked:
        raise Abort(unlock.over(held))
    if held.student != fresh.student:
        raise Abort(Refused(Code.WRONG_STATE, "the order is another student's"))
    return held


async def _quote_held(
    conn: AsyncConnection, form: LockForm, held: Redemption, now: int, rules: MoneyRules
) -> Quote:
    """Quotes again, on coupons that nobody else can move any more, with its own lock undone."""
    typed = codes.spellings_of_all(form.coupons)
    locked = [coupon.coupon_id for coupon in held.coupons]
    wallet = (
        await coupons.find_for_update(conn, form.student, typed, locked) if typed or locked else []
    )
    await use_limits.lock_counters(conn, form.student, wallet)
    if locked:
        await unlock.unlock_all(conn, held, now)
        wallet = await coupons.by_codes(conn, form.student, typed)
    context = await quote_context(conn, form.student, wallet)
    context = replace(context, rules=rules, with_suggestions=False)
    return quote(form.order, wallet, form.coupons, now, context)


def _abort_if_not_as_requested(form: LockForm, quoted: Quote) -> None:
    if quoted.unusable:
        reasons = {found.code: found.reason for found in quoted.unusable}
        raise Abort(_unusable(reasons))
    if form.expected_payable not in (None, quoted.payable):
        raise Abort(
            Refused(
                Code.TOTAL_CHANGED,
                f"the order costs {quoted.payable} now",
                {"payable": quoted.payable},
            )
        )


async def _with_balance(
    conn: AsyncConnection, form: LockForm, held: Redemption, quoted: Quote, now: int
) -> tuple[Quote, Spent]:
    """After what its own lock had taken is back."""
    if held.state is RedemptionState.LOCKED:
        await balances.give_back(conn, held, held.balance, now)
    available = 0
    if form.balance:
        available = await balance_rows.find_for_update(conn, form.student, form.order.currency)
    return spend_on(quoted, available, form.balance)


def _locked(held: Redemption, form: LockForm, quoted: Quote, spent: Spent) -> Redemption:
    ids = {each.coupon.code: each.coupon.id for each in quoted.applied}
    return replace(
        held,
        state=RedemptionState.LOCKED,
        order=form.order,
        discount=quoted.discount,
        payable=quoted.payable,
        lines=quoted.lines,
        coupons=tuple(_redeemed_coupon(form, applied) for applied in quoted.applied),
        gifts=quoted.gifts,
        rebates=tuple(
            FrozenRebate(ids[each.code], each.amount, each.days, _by_line(form, each.line_shares))
            for each in quoted.rebates
            if each.amount
        ),
        balance=spent.used,
        balance_shares=_by_line(form, spent.line_shares),
    )


def _redeemed_coupon(form: LockForm, applied: Applied) -> RedeemedCoupon:
    by_line = _by_line(form, applied.line_shares)
    return RedeemedCoupon(applied.coupon.id, applied.coupon.code, applied.discount, by_line)


def _by_line(form: LockForm, shares: Sequence[int]) -> dict[str, int]:
    """Of the lines that have one."""
    return {line.id: share for line, share in zip(form.order.lines, shares, strict=True) if share}


async def _take_uses(conn: AsyncConnection, student: str, quoted: Quote) -> None:
    refused_ones = await use_limits.take(conn, student, [each.coupon for each in quoted.applied])
    if refused_ones:
        raise Abort(_unusable({coupon.code: Reason.LIMIT_REACHED for coupon in refused_ones}))


async def _redeem_all(conn: AsyncConnection, held: Redemption, now: int) -> list[MovedCoupon]:
    ids = [coupon.coupon_id for coupon in held.coupons]
    if len(ids) > 1:  # one is held by its move, and more have to be taken in their order
        await coupons.lock_rows_for_update(conn, ids)
    redeemed = await coupon_moves.redeem(conn, ids, held.id, now) if ids else []
    if len(redeemed) == len(ids):
        return redeemed
    ended = set(ids) - {one.id for one in redeemed}
    late = await coupon_moves.redeem_late(conn, ended, held.id, now)
    await use_limits.count(conn, held.student, late, +1)
    lost = ended - {one.id for one in late}
    if lost:
        raise Abort(_unusable(_lost_reasons(await coupons.by_ids(conn, lost))))
    return redeemed + late


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
