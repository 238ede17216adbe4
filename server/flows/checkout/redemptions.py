"""Lock coupons on an order while the student pays, and find redemptions.

Called by the API for the school's back end. How a lock ends is in confirm_payment.py (paid) and unlock.py
(cancelled, out of time). Each call is one transaction in the ledger.

Lock order of all checkout transactions: the redemption's row, then all its coupons' rows in the order of
their ids, then the student's use counters, then the balance, then the budgets. Two orders that want one
coupon therefore wait in line, the first gets it, and no deadlock can occur.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout import redemption_events
from server.core.checkout.balances import Spent, spend_on
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.quoting.quotes import Quote, quote
from server.core.checkout.quoting.reasons import Reason
from server.core.checkout.quoting.stacking import Applied
from server.core.checkout.redemption_events import MovedOn
from server.core.checkout.redemptions import (
    LOCK_LIMIT_MS,
    FrozenRebate,
    LockForm,
    RedeemedCoupon,
    Redemption,
    RedemptionState,
    lock_violations,
    replacing,
)
from server.core.coupons import codes
from server.core.coupons.coupons import CouponState
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, unlock, use_limits
from server.flows.checkout.coupon_availability import quote_context, unusable_refusal
from server.ids import new_id
from server.ledger import event_log
from server.ledger.checkout import balances as balance_rows
from server.ledger.checkout import redemptions
from server.ledger.checkout.means import own_for_update
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.engine import Ledger
from server.ledger.promotions import stops


@returns_refusal
async def lock(
    ledger: Ledger,
    form: LockForm,
    now: int,
    lock_limit_ms: int = LOCK_LIMIT_MS,
    rules: MoneyRules = USUAL_RULES,
) -> Redemption | Refused:
    """Lock these coupons, all or none, on the order until `expires_at`.

    A second request with the same order id replaces the lock under the same redemption id, also after the
    lock has ended or was cancelled; coupons that it no longer names are free again. `lock_limit_ms` is the
    usual duration of a lock, and the longest that a form may request.

    Refuses with `invalid_field`; `coupon_locked` or `coupon_unusable` (`coupons: [{code, reason}]`);
    `total_changed` (`payable`); `wrong_state` for an order that is paid or another student's. A refusal
    leaves an earlier lock as it is.
    """
    broken = lock_violations(form, lock_limit_ms)
    if broken:
        return refused(broken)
    lock_ms = lock_limit_ms if form.lock_seconds is None else form.lock_seconds * 1000
    async with ledger.begin() as conn:
        redemption = await _redemption_for_update(conn, _new_redemption(form, now, lock_ms))
        quoted, freed = await _quote_for_lock(conn, form, redemption, now, rules)
        quoted, spent = await _with_balance(conn, form, redemption, quoted, now)
        _abort_if_not_as_requested(form, quoted)
        await _take_uses(conn, form.student, quoted)
        locked = _locked(redemption, form, quoted, spent)
        locked = replace(locked, expires_at=now + lock_ms, updated_at=now)
        locked = replacing(redemption, locked)
        await redemptions.store_lock(conn, locked, redemption)
        await balances.take(conn, locked, now)
        await event_log.record(conn, [redemption_events.locked(locked, freed)])
        if locked.coupons:
            await coupon_moves.lock(
                conn, [each.coupon_id for each in locked.coupons], locked.id, now
            )
    return locked


async def find(ledger: Ledger, redemption_id: str) -> Redemption | Refused:
    """Return the redemption; not_found."""
    async with ledger.read() as conn:
        return await redemptions.find(conn, redemption_id) or Refused(Code.NOT_FOUND)


async def find_by_order(ledger: Ledger, order_id: str) -> Redemption | Refused:
    """Return the redemption of the school's order; not_found."""
    async with ledger.read() as conn:
        return await redemptions.find_by_order(conn, order_id) or Refused(Code.NOT_FOUND)


def _new_redemption(form: LockForm, now: int, lock_ms: int) -> Redemption:
    """Return the row that is inserted for an unknown order, before anything is quoted.

    Its row lock makes two first requests for one order wait for each other. It is overwritten in the same
    transaction, so nobody reads it like this.
    """
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
        expires_at=now + lock_ms,
        created_at=now,
        updated_at=now,
        version=0,
    )


async def _redemption_for_update(conn: AsyncConnection, fresh: Redemption) -> Redemption:
    redemption = await redemptions.find_or_insert_for_update(conn, fresh)
    if not redemption.state.may_be_locked:
        raise Abort(unlock.wrong_state(redemption))
    if redemption.student != fresh.student:
        raise Abort(Refused(Code.WRONG_STATE, "the order is another student's"))
    return redemption


async def _quote_for_lock(
    conn: AsyncConnection, form: LockForm, redemption: Redemption, now: int, rules: MoneyRules
) -> tuple[Quote, list[MovedOn]]:
    """Quote the order on locked coupon rows, as if its own earlier lock did not exist; return what that
    lock has freed besides.

    Nobody else can change these coupons until the transaction ends, so the result is binding.
    """
    typed = codes.spellings_of_all(form.coupons)
    locked = [coupon.coupon_id for coupon in redemption.coupons]
    if locked:
        wallet = await coupons.find_for_update(conn, form.student, typed, locked)
        stopped = await stops.without_use(conn)
    else:
        wallet, stopped = await own_for_update(conn, form.student, typed)
    await use_limits.lock_counters(conn, form.student, wallet)
    freed: list[MovedOn] = []
    if locked:
        moved = await unlock.unlock_coupons(conn, redemption, now)
        freed = [MovedOn(one.id, one.code, CouponState.USABLE) for one in moved]
        wallet = await coupons.by_codes(conn, form.student, typed)
    context = await quote_context(conn, form.student, wallet, stopped)
    context = replace(context, rules=rules, with_suggestions=False)
    return quote(form.order, wallet, form.coupons, now, context), freed


def _abort_if_not_as_requested(form: LockForm, quoted: Quote) -> None:
    if quoted.unusable:
        reasons = {found.code: found.reason for found in quoted.unusable}
        raise Abort(unusable_refusal(reasons))
    if form.expected_payable not in (None, quoted.payable):
        raise Abort(
            Refused(
                Code.TOTAL_CHANGED,
                f"the order costs {quoted.payable} now",
                {"payable": quoted.payable},
            )
        )


async def _with_balance(
    conn: AsyncConnection, form: LockForm, redemption: Redemption, quoted: Quote, now: int
) -> tuple[Quote, Spent]:
    """Return the quote and what the order takes of the balance, after its earlier lock has given its part
    back.
    """
    if redemption.state is RedemptionState.LOCKED:
        await balances.give_back(conn, redemption, redemption.balance, now)
    available = 0
    if form.balance:
        available = await balance_rows.find_for_update(conn, form.student, form.order.currency)
    return spend_on(quoted, available, form.balance)


def _locked(redemption: Redemption, form: LockForm, quoted: Quote, spent: Spent) -> Redemption:
    ids = {each.coupon.code: each.coupon.id for each in quoted.applied}
    return replace(
        redemption,
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
        metadata=form.metadata,
    )


def _redeemed_coupon(form: LockForm, applied: Applied) -> RedeemedCoupon:
    by_line = _by_line(form, applied.line_shares)
    return RedeemedCoupon(applied.coupon.id, applied.coupon.code, applied.discount, by_line)


def _by_line(form: LockForm, shares: Sequence[int]) -> dict[str, int]:
    """Return the shares by line id, without lines that have none."""
    return {line.id: share for line, share in zip(form.order.lines, shares, strict=True) if share}


async def _take_uses(conn: AsyncConnection, student: str, quoted: Quote) -> None:
    beyond_limit = await use_limits.take(conn, student, [each.coupon for each in quoted.applied])
    if beyond_limit:
        raise Abort(unusable_refusal({one.code: Reason.LIMIT_REACHED for one in beyond_limit}))
