"""Give what spins have won: drive their issuances, and write each spin's outcome.

Called by spin_queue.py after draw_spins.py, and by a worker for what a process that died has left. Steps,
each of which may be repeated:

1. the issuances are driven like all others (flows/coupons/issuing/drive_issuances.py): blocks, stops, limits,
   stock and budget are theirs;
2. one transaction writes `won` with the coupon. Where the coupon was refused, the prize goes back, and the
   published policy says what the spin wins instead: nothing, or the next prize, and step 1 follows again.

Lock order: the lottery comes first. What an issuance locks is never locked in the same transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import ItemOutcome
from server.core.ids import CouponId
from server.core.lotteries.lotteries import Lottery
from server.core.lotteries.spins import PrizesLeft, Spin, SpinOutcome
from server.flows.coupons.issuing.drive_issuances import IssueParts, drive
from server.flows.lotteries.winnings import Winning, issue_prizes, record_outcomes
from server.ledger.coupons import issuance_items
from server.ledger.lotteries import lotteries, spins

LEFT_BEHIND_MS: Final = 2_000  # longer than a process takes that lives
_DRIVEN_SECONDS: Final = 5.0
_AT_ONCE: Final = 100


async def give(parts: IssueParts, lottery_id: str, winnings: Sequence[Winning]) -> None:
    """Do both steps until each spin of these issuances has its outcome.

    DeskUnavailableError, LedgerUnavailableError: a worker does the rest.
    """
    while winnings:
        for one in winnings:
            await drive(parts, one.issuance_id, one.driver, _DRIVEN_SECONDS)
        winnings = await settle(parts, lottery_id, [one.issuance_id for one in winnings])


async def settle(parts: IssueParts, lottery_id: str, issuance_ids: Sequence[str]) -> list[Winning]:
    """Do step 2 for the spins whose items are decided; return the issuances that are new."""
    now = parts.clock()
    async with parts.ledger.begin() as conn:
        lottery = await lotteries.find_for_update(conn, lottery_id)
        assert lottery is not None  # lotteries are never deleted
        by_day: defaultdict[int, list[Spin]] = defaultdict(list)
        for one in await spins.under_way(conn, lottery_id, issuance_ids):
            by_day[one.day].append(one)
        winnings: list[Winning] = []
        for day, each in by_day.items():
            winnings += await _settle_day(conn, lottery, day, each, now)
    return winnings


async def _settle_day(
    conn: AsyncConnection, lottery: Lottery, day: int, waiting: Sequence[Spin], now: int
) -> list[Winning]:
    won = await lotteries.prizes_won(conn, lottery.id, day)
    left, decided, again = PrizesLeft(lottery.form, won.ever, won.today), list[Spin](), list[Spin]()
    given, refused = await _items_of(conn, waiting)
    for one in waiting:
        if one.id in given:
            decided.append(replace(one, outcome=SpinOutcome.WON, coupon_id=given[one.id]))
        elif one.id in refused:
            assert one.place is not None
            place = left.take_instead(one.place)
            changed = replace(one, place=place)
            if place is None:
                decided.append(replace(changed, outcome=SpinOutcome.NOTHING))
            else:
                again.append(changed)
    named, winnings = await issue_prizes(conn, lottery, again, now)
    await lotteries.count_won(conn, lottery, day, left.changes)
    await spins.store(conn, [*decided, *named.values()])
    await record_outcomes(conn, decided, now)
    return winnings


async def _items_of(
    conn: AsyncConnection, waiting: Sequence[Spin]
) -> tuple[dict[str, CouponId], set[str]]:
    """Return the coupons of spins by their ids, and the spins whose coupon was refused."""
    by_issuance: defaultdict[str, list[Spin]] = defaultdict(list)
    for one in waiting:
        by_issuance[str(one.issuance_id)].append(one)
    given: dict[str, CouponId] = {}
    refused = set[str]()
    for issuance_id, each in by_issuance.items():
        students = [one.student for one in each]
        outcomes = await issuance_items.outcomes_of(conn, issuance_id, students)
        coupons = await issuance_items.coupons_of(conn, issuance_id, students)
        for one in each:
            outcome = outcomes.get(one.student)
            if outcome is ItemOutcome.ISSUED:
                given[one.id] = coupons[one.student][0]
            elif outcome is not None:
                refused.add(one.id)
    return given, refused


async def finish_left_behind(parts: IssueParts) -> int:
    """Settle spins that a process has drawn and not finished; return how many issuances were looked at.

    Their issuances are driven on by the worker's job for all issuances.
    """
    before = parts.clock() - LEFT_BEHIND_MS
    async with parts.ledger.read() as conn:
        left = await spins.left_behind(conn, before, _AT_ONCE)
    by_lottery: defaultdict[str, list[str]] = defaultdict(list)
    for one in left:
        by_lottery[one.lottery_id].append(one.issuance_id)
    for lottery_id, issuance_ids in by_lottery.items():
        await give(parts, lottery_id, await settle(parts, lottery_id, issuance_ids))
    return len(left)
