"""Give events their numbers, in the order in which they became visible, and tell who waits for them.

Called by a worker several times a second. Any number of workers may call it: the position's row lock lets
one of them number at a time, and ends with its connection. Without gaps, because a number and the count of
numbers are one commit; without a reader that skips, because a number is only given to what is visible
already, and no lower number is given later (decision 0037).
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger

AT_ONCE: Final = (
    1_000  # events of one transaction; SQLite moves them in 5 ms, and claims wait that long
)
_DAY_MS: Final = 86_400_000
REMOVED_AT_ONCE: Final = 1_000

# Called with the last number and the types since the last call.
Announce = Callable[[int, Collection[str]], Awaitable[None]]


async def number_events(ledger: Ledger, announce: Announce) -> int:
    """Give numbers to all that waits, page by page; return how many. Repeatable.

    `announce` is called after each commit. A reader that was not told finds the events by itself a second
    later, so an error of `announce` is passed on and loses nothing.
    """
    async with ledger.read() as conn:
        if not await event_log.has_unnumbered(conn):
            return 0
    total = 0
    while True:
        async with ledger.begin() as conn:
            last = await event_positions.take(conn, event_positions.NUMBERING)
            if last is None:
                return total
            types = await event_log.number(conn, last, AT_ONCE)
            await event_positions.move(conn, event_positions.NUMBERING, last + len(types))
        if types:
            total += len(types)
            await announce(last + len(types), set(types))
        if len(types) < AT_ONCE:
            return total


async def number_what_is_visible(conn: AsyncConnection) -> int:
    """Give numbers to all events that are visible now, in the caller's transaction; return the last number.

    Every event that is accepted later gets a higher number. Who waits for events is told of these with the
    next ones.
    """
    last = await event_positions.take_in_turn(conn, event_positions.NUMBERING)
    while True:
        types = await event_log.number(conn, last, AT_ONCE)
        last += len(types)
        if len(types) < AT_ONCE:
            await event_positions.move(conn, event_positions.NUMBERING, last)
            return last


async def remove_old(ledger: Ledger, days: int, now: int) -> int:
    """Delete events that are older than `days`, in pages; return how many. A later version archives them."""
    total = 0
    while True:
        async with ledger.begin() as conn:
            removed = await event_log.remove_before(conn, now - days * _DAY_MS, REMOVED_AT_ONCE)
        total += removed
        if removed < REMOVED_AT_ONCE:
            return total
