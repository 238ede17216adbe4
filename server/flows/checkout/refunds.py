"""Refund a paid order, whole or in parts, from the shares that were frozen when it was locked.

Called by the API for the school's back end, which moves the money itself and is told how much. One
transaction in the ledger, with the lock order of redemptions.py: the redemption's row, then its coupons'
rows, then use counters, balance and budgets. core/checkout/refunds.py calculates the amounts.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.checkout import redemption_events
from server.core.checkout.paid_orders import OrderAccount, undone
from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.checkout.refunds import (
    Refund,
    RefundForm,
    RefundPlan,
    form_violations,
    plan,
    unknown_lines,
)
from server.core.coupons.coupons import Coupon, CouponState
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, use_limits
from server.flows.checkout.unlock import write_use_by_intents
from server.flows.promotions import budgets
from server.ledger import acts, event_log
from server.ledger.checkout import redemptions, refunds
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.engine import Ledger


@returns_refusal
async def refund(
    ledger: Ledger, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund | Refused:
    """Refund what the form requests, once for each `refund_id`: a repeated request gets the same result.

    Refuses with `invalid_field`; `not_found`; `wrong_state` for an order that is not paid; `refund_too_large`
    where a line has less left; `idempotency_mismatch` for a known `refund_id` with other lines.
    """
    broken = [*form_violations(form)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        made = await _refund_once(conn, actor, order_id, form, now)
        return made


@returns_refusal
async def preview(
    ledger: Ledger, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund | Refused:
    """Return what `refund` would return now, without a change.

    The refund is made and rolled back, so that the same rules decide, including what the budgets allow.
    """
    broken = [*form_violations(form)]
    if broken:
        return refused(broken)
    try:
        async with ledger.begin() as conn:
            made = await _refund_once(conn, actor, order_id, form, now)
            raise _RolledBackError(made)
    except _RolledBackError as rolled_back:
        return rolled_back.made


class _RolledBackError(Exception):
    """The result of a preview, raised to roll its transaction back."""

    def __init__(self, made: Refund) -> None:
        super().__init__(made.refund_id)
        self.made = made


async def _refund_once(
    conn: AsyncConnection, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund:
    redemption = await _paid_redemption_for_update(conn, order_id)
    for made in redemption.refunds:
        if made.refund_id == form.refund_id:
            if made.requested != (form.lines or ()):
                raise Abort(Refused(Code.IDEMPOTENCY_MISMATCH))
            return made
    made = await _write_refund(conn, redemption, form, now)
    detail = {"refund_id": made.refund_id, "refunded": made.refunded}
    await acts.write_act(conn, actor, Action.ORDER_REFUNDED, redemption.order_id, now, **detail)
    await event_log.record(conn, [redemption_events.refunded(redemption, made)])
    return made


async def _paid_redemption_for_update(conn: AsyncConnection, order_id: str) -> Redemption:
    redemption = await redemptions.find_by_order_for_update(conn, order_id)
    if redemption is None:
        raise Abort(Refused(Code.NOT_FOUND))
    if redemption.state is not RedemptionState.REDEEMED:
        raise Abort(
            Refused(
                Code.WRONG_STATE, f"the order is {redemption.state}", {"state": redemption.state}
            )
        )
    return redemption


async def _write_refund(
    conn: AsyncConnection, redemption: Redemption, form: RefundForm, now: int
) -> Refund:
    used = await _coupons_for_update(conn, redemption)
    lines = await refunds.with_counters(conn, redemption.id, redemption.paid_lines)
    account = redemption.account(lines, [coupon.template for coupon in used])
    unknown = unknown_lines(account, form)
    if unknown:
        raise Abort(refused(unknown))
    # From here on the amounts are fixed; what follows only writes them down, in lock order.
    planned = plan(account, form)
    if isinstance(planned, Refused):
        raise Abort(planned)
    await _count_lines(conn, redemption, account, planned)
    going = _coupons_going_back(redemption, used, planned)
    await use_limits.lock_counters(conn, redemption.student, going)
    to_balance = await _move_balance(conn, redemption, account, planned, now)
    no_room = await _move_budgets(conn, redemption, account, planned, going, now)
    await _give_back_coupons(conn, redemption, [one for one in going if one.id not in no_room], now)
    made = Refund(
        refund_id=form.refund_id,
        refunded=planned.refunded,
        charged_back=planned.charged_back,
        total=planned.after.refunded,
        lines=planned.lines,
        coupons=await _states_seen(conn, used, now),
        requested=form.lines or (),
        created_at=now,
        balance=to_balance,
        no_room=tuple(coupon.code for coupon in going if coupon.id in no_room),
        metadata=form.metadata,
    )
    await refunds.write(conn, redemption.id, len(redemption.refunds) + 1, made, account.payable)
    return made


async def _coupons_for_update(conn: AsyncConnection, redemption: Redemption) -> list[Coupon]:
    """Return the redemption's coupons, in the order in which they were applied, with their rows locked."""
    ids = [each.coupon_id for each in redemption.coupons]
    if not ids:
        return []
    await coupons.lock_rows_for_update(conn, ids)
    found: dict[str, Coupon] = {one.id: one for one in await coupons.by_ids(conn, ids)}
    return [found[coupon_id] for coupon_id in ids]


async def _count_lines(
    conn: AsyncConnection, redemption: Redemption, account: OrderAccount, planned: RefundPlan
) -> None:
    before = {line.id: line for line in account.lines}
    for part in planned.lines:
        if not await refunds.count(conn, redemption.id, before[part.id], part):
            raise RuntimeError(
                f"line {part.id} of {redemption.id} changed although its order was locked"
            )


def _coupons_going_back(
    redemption: Redemption, used: Sequence[Coupon], planned: RefundPlan
) -> list[Coupon]:
    """Return the coupons that go back to the student, as their templates say.

    Coupons that an earlier refund gave back are left out: they may be on another order by now.
    """
    return [
        coupon
        for coupon, paid in zip(used, planned.after.coupons, strict=True)
        if planned.goes_back(paid)
        and coupon.state is CouponState.REDEEMED
        and coupon.redemption_id == redemption.id
    ]


async def _move_balance(
    conn: AsyncConnection,
    redemption: Redemption,
    account: OrderAccount,
    planned: RefundPlan,
    now: int,
) -> int:
    """Take back the rebates of the returned lines, and give back their part of the balance that the order
    took; return that part.
    """
    ids = [each.coupon_id for each in redemption.coupons]
    unearned = {ids[at] for at in range(len(ids)) if planned.after.is_unearned(at)}
    await balances.take_back(conn, redemption.id, planned.after.lines, unearned, now)
    parts = redemption.balance_shares
    back = undone(parts, planned.after.lines) - undone(parts, account.lines)
    await balances.give_back(conn, redemption, back, now)
    return back


async def _move_budgets(
    conn: AsyncConnection,
    redemption: Redemption,
    account: OrderAccount,
    planned: RefundPlan,
    going: Sequence[Coupon],
    now: int,
) -> Collection[str]:
    """Free what the coupons cost less after this refund; return the ids of coupons that may not go back.

    A coupon that goes back can be used a second time, so its greatest discount is reserved again. Where the
    budget has not enough left, the coupon stays redeemed. After a refund of the whole order coupons go back
    in any case: their discount had been reserved before.
    """
    pairs = zip(redemption.coupons, account.costs(), planned.after.costs(), strict=True)
    freed = {coupon.coupon_id: before - after for coupon, before, after in pairs}
    back = [coupon.id for coupon in going]
    return await budgets.reverse_uses(conn, freed, back, now, must_fit=not planned.after.is_whole)


async def _give_back_coupons(
    conn: AsyncConnection, redemption: Redemption, going: Sequence[Coupon], now: int
) -> None:
    """Make the coupons usable again. A coupon past its use window is then expired."""
    if going:
        back = await coupon_moves.give_back(conn, [one.id for one in going], redemption.id, now)
        await use_limits.count(conn, redemption.student, back, -1)
        await write_use_by_intents(conn, back, now)


async def _states_seen(
    conn: AsyncConnection, used: Sequence[Coupon], now: int
) -> tuple[tuple[str, str], ...]:
    """Return code and state of each coupon, as its student sees it."""
    if not used:
        return ()
    states = {one.id: one.seen_at(now) for one in await coupons.by_ids(conn, [c.id for c in used])}
    return tuple((coupon.code, states[coupon.id].value) for coupon in used)
