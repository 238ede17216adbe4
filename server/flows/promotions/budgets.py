"""Move a campaign's budgets: reserve when coupons go out, settle when one is used, give back when it expires.

Called by flows that allot units (take_units) or make codes (`reserve`), by the redemption flow (`settle`),
the refund flow (`reverse_uses`) and the worker. Units that return to their batch give their part back in
ledger/promotions/batch_stock.py. In the ledger and the API a reserved part is called `exposed`.

Only `reserve` refuses, and `reverse_uses` where there is no room for a second use. A student who has a coupon
may use it, whatever the budget says.

Lock order: budgets last, after all other rows of the transaction, because all buyers of a campaign share
these rows and have to wait for them. Only the worker's calls lock nothing else.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.money import MAX_MINOR
from server.core.promotions.batches import Batch
from server.core.promotions.campaigns import MAX_PIECES, BudgetKind
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import Abort, returns_refusal
from server.ledger import acts, event_log
from server.ledger.engine import Ledger
from server.ledger.promotions import budgets
from server.ledger.promotions.budgets import (
    BUDGET_EXPOSED,
    BUDGET_RETURNED,
    BUDGET_SETTLED,
    BudgetMove,
    BudgetWarning,
    CouponBudgetPart,
)
from server.ledger.promotions.campaign_edits import raise_version

AT_ONCE: Final = 200  # coupons in one transaction
_log = structlog.get_logger()


@returns_refusal
async def raise_budget(
    ledger: Ledger, actor: str, campaign_id: str, kind: BudgetKind, amount: int, now: int
) -> int | Refused:
    """Add `amount` (minor units or pieces) to the budget, and return what is free then. Refuses with
    `not_found`, and `invalid_field` where a budget cannot be as large."""
    most = MAX_MINOR if kind is BudgetKind.MONEY else MAX_PIECES
    async with ledger.begin() as conn:
        # Before the budget is locked. An edit that does not know of the raise must not take it back.
        await raise_version(conn, campaign_id)
        is_raised = await budgets.enlarge(conn, campaign_id, kind, amount, most)
        free = await budgets.free_of(conn, campaign_id, kind)
        if free is None:
            raise Abort(Refused(Code.NOT_FOUND))
        if not is_raised:
            raise Abort(invalid_field("amount", "too_large"))
        what: dict[str, object] = {"budget": kind.value, "amount": amount}
        await acts.write_act(conn, actor, Action.BUDGET_RAISED, campaign_id, now, **what)
    return free


async def reserve(conn: AsyncConnection, batch: Batch, units: int, now: int) -> None:
    """Reserve `units` coupons at their greatest discount, in the money and the pieces budget.

    Abort(stock_short) with the number of coupons `available` and the `budget` that is short. Does nothing for
    a batch without a campaign, or whose campaign has no budget.
    """
    greatest = batch.greatest_discount
    if batch.campaign_id is None or greatest is None:
        return
    for kind, each in ((BudgetKind.MONEY, greatest), (BudgetKind.PIECES, 1)):
        if await budgets.take(conn, batch.campaign_id, kind, each * units, now):
            continue
        # `take` also fails where the campaign has no budget of this kind: then nothing is short.
        free = await budgets.free_of(conn, batch.campaign_id, kind)
        if free is not None:
            raise Abort(_short(kind, max(0, free) // each if each else 0))


async def settle(conn: AsyncConnection, costs: Mapping[str, int], now: int) -> None:
    """Settle used coupons at their cost (by coupon id, minor units); the rest of the reservation is free
    again.

    Never refuses, not even where the part of an expired coupon was given back already. The caller has locked
    the coupons' rows. Repeatable.
    """
    parts = await budgets.parts_of(conn, costs)
    unused = [one for one in parts if one.status != BUDGET_SETTLED]
    await _mark_and_move(
        conn, unused, BUDGET_SETTLED, lambda one: _settle_moves(one, costs[one.coupon_id]), now
    )


async def reverse_uses(
    conn: AsyncConnection,
    freed: Mapping[str, int],
    back: Collection[str],
    now: int,
    *,
    must_fit: bool,
) -> frozenset[str]:
    """Free what coupons cost less after a refund (`freed`, by coupon id, minor units).

    The coupons in `back` may be used again, so their greatest discount is reserved again. With `must_fit`
    only where the budget has room; returns the ids of those for which it has none: they stay settled. The
    caller has locked the coupons' rows.
    """
    parts = await budgets.parts_of(conn, freed)
    no_room = []
    for one in sorted(parts, key=lambda part: (part.campaign_id, part.coupon_id)):
        less = freed[one.coupon_id]
        if one.coupon_id not in back:
            await _free_settled(conn, one, less, now)
        elif not await _reserve_again(conn, one, less, now, must_fit=must_fit):
            await _free_settled(conn, one, less, now)
            no_room.append(one.coupon_id)
    return frozenset(no_room)


async def _free_settled(conn: AsyncConnection, part: CouponBudgetPart, less: int, now: int) -> None:
    if less:
        by = BudgetMove(free=less, settled=-less)
        await budgets.move(conn, part.campaign_id, BudgetKind.MONEY, by, now)


async def _reserve_again(
    conn: AsyncConnection, part: CouponBudgetPart, less: int, now: int, *, must_fit: bool
) -> bool:
    """Return False where the budget has no room for it."""
    by = BudgetMove(less - part.greatest_discount, part.greatest_discount, -less)
    if not must_fit or by.free >= 0:
        await budgets.move(conn, part.campaign_id, BudgetKind.MONEY, by, now)
    elif not await budgets.move_if_free(conn, part.campaign_id, BudgetKind.MONEY, by, now):
        return False
    if await budgets.mark(conn, part, BUDGET_EXPOSED):
        piece = BudgetMove(exposed=1, settled=-1)
        await budgets.move(conn, part.campaign_id, BudgetKind.PIECES, piece, now)
    return True


async def give_back(conn: AsyncConnection, coupon_ids: Collection[str], now: int) -> None:
    """Give back the part of voided coupons. They are used by nobody, though a unit of a drop stays theirs.

    The caller has locked the coupons' rows. Repeatable.
    """
    parts = await budgets.parts_of(conn, coupon_ids)
    await _mark_and_move(
        conn,
        [one for one in parts if one.status == BUDGET_EXPOSED],
        BUDGET_RETURNED,
        _return_moves,
        now,
    )


async def give_back_expired(ledger: Ledger, now: int) -> int:
    """Give back the part of coupons that were not used in time; return how many.

    Any number of workers may call it at the same time. LedgerUnavailableError is passed on.
    """
    async with ledger.read() as conn:
        over = await budgets.expired(conn, now, AT_ONCE)
    if not over:
        return 0
    async with ledger.begin() as conn:
        gone = await budgets.mark_expired(conn, over, now)
        await _move_all(conn, gone, _return_moves, now)
    return len(gone)


async def log_warnings(
    ledger: Ledger, now: int, on_warning: Callable[[str, int], None] = lambda _kind, _level: None
) -> None:
    """Log each level that a budget has reached, once. `on_warning(kind, level)` is called for each."""
    async with ledger.read() as conn:
        if not await budgets.has_unlogged_warnings(conn):
            return
    async with ledger.begin() as conn:
        reached = await budgets.take_unlogged_warnings(conn, now, AT_ONCE)
        await event_log.record(conn, [_warning_event(one) for one in reached])
    for one in reached:
        on_warning(one.kind.value, one.level)
        _log.warning(
            "budget_level_reached", campaign_id=one.campaign_id, budget=one.kind, level=one.level
        )


def _warning_event(warning: BudgetWarning) -> Event:
    data = {"budget": warning.kind.value, "level_percent": warning.level}
    return Event(EventType.BUDGET_WARNING, warning.at, warning.campaign_id, data)


_Moves = Callable[[CouponBudgetPart], tuple[BudgetMove, BudgetMove]]  # of money and of pieces


def _settle_moves(part: CouponBudgetPart, cost: int) -> tuple[BudgetMove, BudgetMove]:
    if part.status == BUDGET_RETURNED:
        # The coupon had expired, so its part is free already: take the cost from there, even below 0.
        return BudgetMove(free=-cost, settled=cost), BudgetMove(free=-1, settled=1)
    rest = part.greatest_discount - cost  # reserved, and not needed by this use
    return BudgetMove(rest, -part.greatest_discount, cost), BudgetMove(exposed=-1, settled=1)


def _return_moves(part: CouponBudgetPart) -> tuple[BudgetMove, BudgetMove]:
    return BudgetMove(free=part.greatest_discount, exposed=-part.greatest_discount), BudgetMove(
        free=1, exposed=-1
    )


async def _mark_and_move(
    conn: AsyncConnection, parts: Sequence[CouponBudgetPart], target: str, moves: _Moves, now: int
) -> None:
    moved = [part for part in parts if await budgets.mark(conn, part, target)]
    await _move_all(conn, moved, moves, now)


async def _move_all(
    conn: AsyncConnection, parts: Sequence[CouponBudgetPart], moves: _Moves, now: int
) -> None:
    """Move the parts by one UPDATE for each budget, in the order of campaign ids and money before pieces:
    every transaction keeps that order, so none waits for another in a circle.
    """
    money: defaultdict[str, BudgetMove] = defaultdict(BudgetMove)
    pieces: defaultdict[str, BudgetMove] = defaultdict(BudgetMove)
    for part in parts:
        of_money, of_pieces = moves(part)
        money[part.campaign_id] += of_money
        pieces[part.campaign_id] += of_pieces
    for campaign_id in sorted(money):
        await budgets.move(conn, campaign_id, BudgetKind.MONEY, money[campaign_id], now)
        await budgets.move(conn, campaign_id, BudgetKind.PIECES, pieces[campaign_id], now)


def _short(kind: BudgetKind, available: int) -> Refused:
    return Refused(
        Code.STOCK_SHORT,
        f"the campaign's budget of {kind} has enough for {available} of these coupons",
        {"available": available, "budget": kind.value},
    )
