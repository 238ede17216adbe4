"""Where a campaign's money and pieces are: exposed when coupons go out, settled when one is used, given back
when it can no longer be.

Called by flows that allot units (places.take_units) or issue coupons without a drop (`expose`), by the
redemption flow (`settle`), the refund flow (`undo`) and the worker. Units that return to their batch give
their part back in ledger/promotions/batches.py. Only `expose` refuses, and `undo` a second use without room
for it: whoever holds a coupon may use it, whatever a budget says. Every call but the worker's comes after all
other rows of its transaction are held, so that the budget's row, which all buyers of a campaign share, is
held for the shortest time.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch
from server.core.promotions.campaigns import BudgetKind
from server.core.refusals import Code, Refused
from server.flows.abort import Abort
from server.ledger.engine import Ledger
from server.ledger.promotions import budgets
from server.ledger.promotions.budgets import (
    BUDGET_EXPOSED,
    BUDGET_RETURNED,
    BUDGET_SETTLED,
    BudgetMove,
    CouponBudgetPart,
)

AT_ONCE: Final = 200
_log = structlog.get_logger()


async def reserve(conn: AsyncConnection, batch: Batch, units: int, now: int) -> None:
    """Takes the part of so many coupons at their greatest discount, money and pieces or neither.
    Stop(stock_short) with what is `available` and which `budget` is short. Nothing without a campaign.
    """
    greatest = batch.greatest_discount
    if batch.campaign_id is None or greatest is None:
        return
    for kind, each in ((BudgetKind.MONEY, greatest), (BudgetKind.PIECES, 1)):
        if await budgets.take(conn, batch.campaign_id, kind, each * units, now):
            continue
        free = await budgets.free_of(conn, batch.campaign_id, kind)
        if free is not None:
            raise Abort(_short(kind, max(0, free) // each if each else 0))


async def settle(conn: AsyncConnection, costs: Mapping[str, int], now: int) -> None:
    """Coupons (id -> what its use costs) are used: their part is settled at that, the rest is free again.
    Never refuses, also not where a part had been given back because the coupon had expired. Needs their
    rows held; repeatable.
    """
    parts = await budgets.parts_of(conn, costs)
    unused = [one for one in parts if one.status != BUDGET_SETTLED]
    await _shift(conn, unused, BUDGET_SETTLED, lambda one: _used(one, costs[one.coupon_id]), now)


async def reverse_uses(
    conn: AsyncConnection,
    freed: Mapping[str, int],
    back: Collection[str],
    now: int,
    *,
    must_fit: bool,
) -> frozenset[str]:
    """An order is refunded: of its coupons (id -> what they cost less by it) so much is free again.

    Those of `back` may be used again, so their greatest is set aside anew. With `must_fit` only where there
    is room; the ids of those for which there is none: they stay settled. Needs their rows held.
    """
    parts = await budgets.parts_of(conn, freed)
    no_room = []
    for one in sorted(parts, key=lambda part: (part.campaign_id, part.coupon_id)):
        less = freed[one.coupon_id]
        if one.coupon_id not in back:
            await _free(conn, one, less, now)
        elif not await _set_aside_anew(conn, one, less, now, must_fit=must_fit):
            await _free(conn, one, less, now)
            no_room.append(one.coupon_id)
    return frozenset(no_room)


async def _free(conn: AsyncConnection, part: CouponBudgetPart, less: int, now: int) -> None:
    if less:
        by = BudgetMove(free=less, settled=-less)
        await budgets.move(conn, part.campaign_id, BudgetKind.MONEY, by, now)


async def _set_aside_anew(
    conn: AsyncConnection, part: CouponBudgetPart, less: int, now: int, *, must_fit: bool
) -> bool:
    """False: the budget has no room for it."""
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
    """Coupons that no drop gave and that are void: nobody will use them. Those a drop gave keep their unit.
    Needs their rows held; repeatable."""
    parts = await budgets.parts_of(conn, coupon_ids)
    await _shift(
        conn, [one for one in parts if one.status == BUDGET_EXPOSED], BUDGET_RETURNED, _back, now
    )


async def give_back_expired(ledger: Ledger, now: int) -> int:
    """Of coupons that nobody used in time; how many. Any number of workers may do it at once.
    LedgerUnavailableError passes."""
    async with ledger.read() as conn:
        over = await budgets.expired(conn, now, AT_ONCE)
    if not over:
        return 0
    async with ledger.begin() as conn:
        gone = await budgets.mark_expired(conn, over, now)
        await _apply(conn, gone, _back, now)
    return len(gone)


async def log_warnings(
    ledger: Ledger, now: int, on_warning: Callable[[str, int], None] = lambda _kind, _level: None
) -> None:
    """Into the log, each once: levels of budgets that were reached. `on_warning(kind, level)` counts."""
    async with ledger.read() as conn:
        if not await budgets.has_unlogged_warnings(conn):
            return
    async with ledger.begin() as conn:
        reached = await budgets.take_unlogged_warnings(conn, now, AT_ONCE)
    for one in reached:
        on_warning(one.kind.value, one.level)
        _log.warning(
            "budget_level_reached", campaign_id=one.campaign_id, budget=one.kind, level=one.level
        )


_Moves = Callable[[CouponBudgetPart], tuple[BudgetMove, BudgetMove]]  # of money and of pieces


def _used(part: CouponBudgetPart, cost: int) -> tuple[BudgetMove, BudgetMove]:
    if part.status == BUDGET_RETURNED:
        return BudgetMove(free=-cost, settled=cost), BudgetMove(free=-1, settled=1)
    rest = part.greatest_discount - cost
    return BudgetMove(rest, -part.greatest_discount, cost), BudgetMove(exposed=-1, settled=1)


def _back(part: CouponBudgetPart) -> tuple[BudgetMove, BudgetMove]:
    return BudgetMove(free=part.greatest_discount, exposed=-part.greatest_discount), BudgetMove(
        free=1, exposed=-1
    )


async def _shift(
    conn: AsyncConnection, parts: Sequence[CouponBudgetPart], target: str, moves: _Moves, now: int
) -> None:
    moved = [part for part in parts if await budgets.mark(conn, part, target)]
    await _apply(conn, moved, moves, now)


async def _apply(
    conn: AsyncConnection, parts: Sequence[CouponBudgetPart], moves: _Moves, now: int
) -> None:
    """One UPDATE for each budget, in the order that everybody keeps."""
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
