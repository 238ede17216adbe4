"""Read the events that have come, page by page. Called by the flows that keep a position of their own in the
event log: tasks, statements, reports, experiments. Knows nothing of what they do with an event."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from server.ledger import event_positions
from server.ledger.engine import Ledger

_PAGES: Final = 20  # of one call


async def follow_pages(
    ledger: Ledger,
    reader: str,
    page: Callable[[], Awaitable[tuple[int, bool]]],
    *,
    rests: float = 0.0,
) -> int:
    """Let `page` read what this reader has not read, a few pages at most; return the sum of its counts.

    `page` does one transaction, and returns a count and whether more follow. Between two pages this waits
    `rests` times as long as the page took, so that a reader for which nobody waits leaves most of a busy
    machine to claims and issuances. LedgerUnavailableError is passed on.
    """
    loop = asyncio.get_running_loop()
    async with ledger.read() as conn:
        if await event_positions.has_read_all(conn, reader):
            return 0
    total = 0
    for _ in range(_PAGES):
        begun = loop.time()
        count, goes_on = await page()
        total += count
        if not goes_on:
            break
        await asyncio.sleep((loop.time() - begun) * rests)
    return total
