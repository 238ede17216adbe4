"""The seeds of days: made before the day begins, told when it is over, in the school's time zone.

Called when a lottery is made, by the first spin of a day that has no seed yet, and by a worker. Seeds are
made only while there are lotteries. A spin looks whether the seed of its day is still secret: a process whose
clock is behind draws nothing with a seed that everybody knows.
"""

import secrets
from datetime import date, tzinfo
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.student_events import day_of
from server.core.event_types import Event, EventType
from server.core.lotteries.draw import SEED_BYTES, commitment_of
from server.ledger import event_log
from server.ledger.engine import Ledger
from server.ledger.lotteries import days, lotteries
from server.ledger.lotteries.days import SeedOfDay

DAYS_AHEAD: Final = 3  # a worker may rest over a weekend
PUBLISHED_AFTER_MS: Final = 60_000  # midnight: clocks of processes differ, and spins end
_AT_ONCE: Final = 50


async def commit_days(conn: AsyncConnection, zone: tzinfo, now: int) -> dict[int, SeedOfDay]:
    """Fix the seeds of today and of the next days, where they are not; return them by day. Repeatable."""
    today = day_of(now, zone)
    wanted = range(today, today + DAYS_AHEAD + 1)
    found = await days.of_days(conn, wanted)
    for day in wanted:
        if day not in found:
            made = SeedOfDay(day, secrets.token_bytes(SEED_BYTES), now, None)
            if await days.insert_unless_there(conn, made):
                told = {"commitment": commitment_of(made.seed)}
                await _record(conn, EventType.LOTTERY_DAY_COMMITTED, day, told, now)
    return await days.of_days(conn, wanted)


async def move_days_on(ledger: Ledger, zone: tzinfo, now: int) -> None:
    """Fix seeds of days to come while a lottery is open, and tell those of days that are over. Repeatable."""
    async with ledger.read() as conn:
        has_lottery = await lotteries.is_any_open(conn, now)
        known = await days.of_days(conn, [day_of(now, zone) + DAYS_AHEAD])
    if has_lottery and not known:
        async with ledger.begin() as conn:
            await commit_days(conn, zone, now)
    await _publish(ledger, day_of(now - PUBLISHED_AFTER_MS, zone), now)


async def _publish(ledger: Ledger, today: int, now: int) -> None:
    async with ledger.read() as conn:
        if not await days.is_any_secret(conn, today):
            return
    async with ledger.begin() as conn:
        due = await days.secret_before(conn, today, _AT_ONCE)
        await days.mark_published(conn, [one.day for one in due], now)
        for one in due:
            told = {"commitment": commitment_of(one.seed), "seed": one.seed.hex()}
            await _record(conn, EventType.LOTTERY_DAY_PUBLISHED, one.day, told, now)


async def _record(
    conn: AsyncConnection, kind: EventType, day: int, told: dict[str, str], now: int
) -> None:
    await event_log.record(conn, [Event(kind, now, date.fromordinal(day).isoformat(), told)])
