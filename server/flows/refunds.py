"""A paid order is paid back, whole or in parts: from the shares that were frozen when it was locked.

Called by the API for the school's back end, which moves the money itself and is told how much. Everything is
one transaction in the ledger, in the order of flows/redemptions.py: the redemption's row first, then its
coupons' rows, then use counters. What a refund comes to is core/refunds.py.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.balances import undone
from server.core.coupons import Coupon
from server.core.records import Action
from server.core.redemptions import Redemption, RedemptionState
from server.core.refunds import (
    Books,
    Plan,
    Refund,
    RefundForm,
    form_violations,
    paid_coupon,
    plan,
    unknown_lines,
)
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows import balances, budgets, use_limits
from server.flows.lock_ends import tell_new_dates
from server.flows.stopping import Stop, refusing
from server.ledger import coupon_moves, coupons, records, redemptions, refunds
from server.ledger.engine import Ledger


@refusing
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
        held = await _hold_paid(conn, order_id)
        for made in held.refunds:
            if made.refund_id == form.refund_id:
                return made if made.asked == form.lines else Refused(Code.IDEMPOTENCY_MISMATCH)
        made = await _refund(conn, held, form, now)
        detail = {"refund_id": made.refund_id, "refunded": made.refunded}
        await records.write_act(conn, actor, Action.ORDER_REFUNDED, held.order_id, now, **detail)
        return made


async def _hold_paid(conn: AsyncConnection, order_id: str) -> Redemption:
    held = await redemptions.hold_by_order(conn, order_id)
    if held is None:
        raise Stop(Refused(Code.NOT_FOUND))
    if held.state is not RedemptionState.REDEEMED:
        raise Stop(Refused(Code.WRONG_STATE, f"the order is {held.state}", {"state": held.state}))
    return held


async def _refund(conn: AsyncConnection, held: Redemption, form: RefundForm, now: int) -> Refund:
    used = await _hold_coupons(conn, held)
    books = await _books(conn, held, used)
    unknown = unknown_lines(books, form)
    if unknown:
        raise Stop(refused(unknown))
    planned = plan(books, form)
    if isinstance(planned, Refused):
        raise Stop(planned)
    await _count(conn, held, books, planned)
    await _give_back(conn, held, used, planned, now)
    to_balance = await _move_balance(conn, held, books, planned, now)
    made = Refund(
        refund_id=form.refund_id,
        refunded=planned.refunded,
        charged_back=planned.charged_back,
        total=planned.after.refunded,
        lines=planned.lines,
        coupons=await _told(conn, used, now),
        asked=form.lines,
        created_at=now,
        balance=to_balance,
    )
    await refunds.write(conn, held.id, len(held.refunds) + 1, made, books.payable)
    return made


async def _hold_coupons(conn: AsyncConnection, held: Redemption) -> list[Coupon]:
    """In the order in which they were applied."""
    ids = [each.coupon_id for each in held.coupons]
    if not ids:
        return []
    await coupons.hold_rows(conn, ids)
    found = {coupon.id: coupon for coupon in await coupons.by_ids(conn, ids)}
    return [found[coupon_id] for coupon_id in ids]


async def _books(conn: AsyncConnection, held: Redemption, used: Sequence[Coupon]) -> Books:
    return Books(
        lines=await refunds.with_counters(conn, held.id, held.paid_lines),
        coupons=tuple(
            paid_coupon(coupon.template, frozen.shares, held.order)
            for coupon, frozen in zip(used, held.coupons, strict=True)
        ),
        refunded=held.refunded,
    )


async def _count(conn: AsyncConnection, held: Redemption, books: Books, planned: Plan) -> None:
    before = {line.id: line for line in books.lines}
    for part in planned.lines:
        if not await refunds.count(conn, held.id, before[part.id], part):
            raise RuntimeError(f"line {part.id} of {held.id} moved under a refund that held it")


async def _give_back(
    conn: AsyncConnection, held: Redemption, used: Sequence[Coupon], planned: Plan, now: int
) -> None:
    """Those whose template says so, unless an earlier refund has done it: they may be on another order
    by now. One whose window is over is expired as soon as it is back."""
    ids = [
        coupon.id
        for coupon, paid in zip(used, planned.after.coupons, strict=True)
        if planned.goes_back(paid)
    ]
    if ids:
        back = await coupon_moves.give_back(conn, ids, held.id, now)
        await use_limits.count(conn, held.student, back, -1)
        await tell_new_dates(conn, back, now)
        discounts = {each.coupon_id: each.discount for each in held.coupons}
        await budgets.unsettle(conn, {one.id: discounts[one.id] for one in back}, now)


async def _move_balance(
    conn: AsyncConnection, held: Redemption, books: Books, planned: Plan, now: int
) -> int:
    """What the order earned goes back with its lines, and what it took of the balance comes back; how
    much."""
    await balances.take_back(conn, held.id, planned.after.lines, now)
    parts = held.balance_shares
    back = undone(parts, planned.after.lines) - undone(parts, books.lines)
    await balances.give_back(conn, held, back, now)
    return back


async def _told(
    conn: AsyncConnection, used: Sequence[Coupon], now: int
) -> tuple[tuple[str, str], ...]:
    """What they are now, as their student is told it."""
    if not used:
        return ()
    states = {one.id: one.seen_at(now) for one in await coupons.by_ids(conn, [c.id for c in used])}
    return tuple((coupon.code, states[coupon.id].value) for coupon in used)
