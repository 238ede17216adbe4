"""Seal the days that are over: close each to further lines, then hash its lines (promise I14).

Called by a worker; any number of workers may call it. A day is closed under the lock of the position of the
reader that writes lines, and only when that reader has booked everything: no line can come afterwards. So the
lines can be read page by page without a lock, and whoever computes the seal, it is the same.
"""

from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.statements.days import (
    NOTHING_BEFORE,
    DaySum,
    days_between,
    last_day_to_seal,
    next_day,
)
from server.flows.statements.read_statements import Span, all_lines
from server.flows.statements.write_lines import READER
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.statements import days, lines

_DAYS_AT_ONCE: Final = 400  # closed by one call
# Events are numbered and booked within seconds. Those of the last minute are of a day that stays open.
_TOLD_WITHIN_MS: Final = 60_000


async def seal_days(ledger: Ledger, zone: ZoneInfo, now: int) -> int:
    """Seal every day that is over at `now` (ms) and has no seal; return how many were sealed."""
    await _close(ledger, last_day_to_seal(now, zone), now)
    sealed = 0
    while True:
        async with ledger.read() as conn:
            day = await days.first_unsealed(conn)
            before = NOTHING_BEFORE if day is None else await days.seal_before(conn, day)
        if day is None:
            return sealed
        before = before or NOTHING_BEFORE
        summed = await sum_of_day(ledger, day, before)
        async with ledger.begin() as conn:
            await days.seal(conn, day, summed, before, now)
        sealed += 1


async def sum_of_day(ledger: Ledger, day: str, before: str) -> DaySum:
    """Return the sums and the seal of the day's lines as they are in the ledger now."""
    summed = DaySum(day, before)
    async for page in all_lines(ledger, Span(day, day)):
        summed.add(page)
    return summed


async def _close(ledger: Ledger, last: str, now: int) -> None:
    """Close the days up to `last`, without a gap, from the first one that has a line."""
    async with ledger.read() as conn:
        closed = await days.last_closed(conn)
    if closed is not None and closed >= last:
        return
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER)
        if position is None or not await _has_booked(conn, position, now - _TOLD_WITHIN_MS):
            return
        closed = await days.last_closed(conn)
        first = await lines.first_day(conn) if closed is None else next_day(closed)
        if first is not None and first <= last:
            await days.close(conn, days_between(first, last)[:_DAYS_AT_ONCE], now)


async def _has_booked(conn: AsyncConnection, position: int, until: int) -> bool:
    """Return whether every event before `until` (ms) has a number, and lines if it needs them."""
    oldest = await event_log.oldest_unnumbered_at(conn)
    if oldest is not None and oldest < until:
        return False
    return position >= await event_log.last_before(conn, until)
