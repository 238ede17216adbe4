"""A paid order is paid back, whole or in parts: from the shares that were frozen when it was locked.

Called by the API for the school's back end, which moves the money itself and is told how much. Everything is
one transaction in the ledger, in the order of flows/checkout/redemptions.py: the redemption's row first, then
its coupons' rows, then use counters, balance and budgets. What a refund comes to is core/checkout/refunds.py.
"""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
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
from server.ledger import acts
from server.ledger.checkout import redemptions, refunds
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.engine import Ledger


@returns_refusal
async def refund(
    ledger: Ledger, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund | Refused:
    """Pays back what the form asks for, once for each `refund_id`: sent again it answers the same.

    `wrong_state` for an order that is not paid; `refund_too_large` where a line has not so much left;
    `idempotency_mismatch` for a known id with other lines.
    """
    broken = [*form_violations(form)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        made = await _make(conn, actor, order_id, form, now)
        return made


@returns_refusal
async def preview(
    ledger: Ledger, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund | Refused:
    """What `refund` would answer now. It is made and rolled back, so that the same rules decide, the
    budgets' room among them.
    """
    broken = [*form_violations(form)]
    if broken:
        return refused(broken)
    try:
        async with ledger.begin() as conn:
            made = await _make(conn, actor, order_id, form, now)
            raise _RolledBackError(made)
    except _RolledBackError as rolled_back:
        return rolled_back.made


class _RolledBackError(Exception):
    """Ends a preview's transaction."""

    def __init__(self, made: Refund) -> None:
        super().__init__(made.refund_id)
        self.made = made


async def _make(
    conn: AsyncConnection, actor: str, order_id: str, form: RefundForm, now: int
) -> Refund:
    held = await _paid_redemption_for_update(conn, order_id)
    for made in held.refunds:
        if made.refund_id == form.refund_id:
            if made.requested != (form.lines or ()):
                raise Abort(Refused(Code.IDEMPOTENCY_MISMATCH))
            return made
    made = await _refund(conn, held, form, now)
    detail = {"refund_id": made.refund_id, "refunded": made.refunded}
    await acts.write_act(conn, actor, Action.ORDER_REFUNDED, held.order_id, now, **detail)
    return made


async def _paid_redemption_for_update(conn: AsyncConnection, order_id: str) -> Redemption:
    held = await redemptions.find_by_order_for_update(conn, order_id)
    if held is None:
        raise Abort(Refused(Code.NOT_FOUND))
    if held.state is not RedemptionState.REDEEMED:
        raise Abort(Refused(Code.WRONG_STATE, f"the order is {held.state}", {"state": held.state}))
    return held


async def _refund(conn: AsyncConnection, held: Redemption, form: RefundForm, now: int) -> Refund:
    used = await _coupons_for_update(conn, held)
    lines = await refunds.with_counters(conn, held.id, held.paid_lines)
    account = held.account(lines, [coupon.template for coupon in used])
    unknown = unknown_lines(account, form)
    if unknown:
        raise Abort(refused(unknown))
    planned = plan(account, form)
    if isinstance(planned, Refused):
        raise Abort(planned)
    await _count(conn, held, account, planned)
    going = _going_back(held, used, planned)
    await use_limits.lock_counters(conn, held.student, going)
    to_balance = await _move_balance(conn, held, account, planned, now)
    no_room = await _move_budgets(conn, held, account, planned, going, now)
    await _give_back(conn, held, [one for one in going if one.id not in no_room], now)
    made = Refund(
        refund_id=form.refund_id,
        refunded=planned.refunded,
        charged_back=planned.charged_back,
        total=planned.after.refunded,
        lines=planned.lines,
        coupons=await _told(conn, used, now),
        requested=form.lines or (),
        created_at=now,
        balance=to_balance,
        no_room=tuple(coupon.code for coupon in going if coupon.id in no_room),
    )
    await refunds.write(conn, held.id, len(held.refunds) + 1, made, account.payable)
    return made


async def _coupons_for_update(conn: AsyncConnection, held: Redemption) -> list[Coupon]:
    """Return the redemption's coupons, in the order in which they were applied, with their rows locked."""
    ids = [each.coupon_id for each in held.coupons]
    if not ids:
        return []
    await coupons.lock_rows_for_update(conn, ids)
    found: dict[str, Coupon] = {one.id: one for one in await coupons.by_ids(conn, ids)}
    return [found[coupon_id] for coupon_id in ids]


async def _count(
    conn: AsyncConnection, held: Redemption, account: OrderAccount, planned: RefundPlan
) -> None:
    before = {line.id: line for line in account.lines}
    for part in planned.lines:
        if not await refunds.count(conn, held.id, before[part.id], part):
            raise RuntimeError(f"line {part.id} of {held.id} moved under a refund that held it")


def _going_back(held: Redemption, used: Sequence[Coupon], planned: RefundPlan) -> list[Coupon]:
    """Those whose template says so, unless an earlier refund has done it: they may be on another order by
    now.
    """
    return [
        coupon
        for coupon, paid in zip(used, planned.after.coupons, strict=True)
        if planned.goes_back(paid)
        and coupon.state is CouponState.REDEEMED
        and coupon.redemption_id == held.id
    ]


async def _move_balance(
    conn: AsyncConnection, held: Redemption, account: OrderAccount, planned: RefundPlan, now: int
) -> int:
    """What the order earned goes back with its lines, and what it took of the balance comes back; how
    much."""
    ids = [each.coupon_id for each in held.coupons]
    unearned = {ids[at] for at in range(len(ids)) if planned.after.is_unearned(at)}
    await balances.take_back(conn, held.id, planned.after.lines, unearned, now)
    parts = held.balance_shares
    back = undone(parts, planned.after.lines) - undone(parts, account.lines)
    await balances.give_back(conn, held, back, now)
    return back


async def _move_budgets(
    conn: AsyncConnection,
    held: Redemption,
    account: OrderAccount,
    planned: RefundPlan,
    going: Sequence[Coupon],
    now: int,
) -> Collection[str]:
    """What the coupons cost less by now is free again. Ids of those that may not go back, since their
    budget has no room for a second use. Where the whole order is undone they go back all the same, as they
    were set aside once.
    """
    pairs = zip(held.coupons, account.costs(), planned.after.costs(), strict=True)
    freed = {coupon.coupon_id: before - after for coupon, before, after in pairs}
    back = [coupon.id for coupon in going]
    return await budgets.reverse_uses(conn, freed, back, now, must_fit=not planned.after.is_whole)


async def _give_back(
    conn: AsyncConnection, held: Redemption, going: Sequence[Coupon], now: int
) -> None:
    """One whose window is over is expired as soon as it is back."""
    if going:
        back = await coupon_moves.give_back(conn, [one.id for one in going], held.id, now)
        await use_limits.count(conn, held.student, back, -1)
        await write_use_by_intents(conn, back, now)


async def _told(
    conn: AsyncConnection, used: Sequence[Coupon], now: int
) -> tuple[tuple[str, str], ...]:
    """What they are now, as their student is told it."""
    if not used:
        return ()
    states = {one.id: one.seen_at(now) for one in await coupons.by_ids(conn, [c.id for c in used])}
    return tuple((coupon.code, states[coupon.id].value) for coupon in used)
