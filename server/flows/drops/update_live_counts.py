"""What the ledger counts of the drops that somebody may be watching, for the teacher's live numbers.

Called by the worker about once a second. Absolute figures, read anew each time: a lost one is mended by
the next.
"""

from dataclasses import asdict

from server.desk.feed import Feed
from server.ledger.drops import drop_results, drops
from server.ledger.engine import Ledger

WATCHED_AFTER_CLOSE_MS = 10 * 60 * 1000
_AT_MOST = 200


async def update_live_counts(ledger: Ledger, feed: Feed, now: int) -> None:
    """LedgerUnavailableError and DeskUnavailableError pass."""
    async with ledger.read() as conn:
        watched = await drops.lately_open(conn, now - WATCHED_AFTER_CLOSE_MS, _AT_MOST)
        results = await drop_results.of_drops(conn, [row.id for row in watched])
    for row in watched:
        counters = asdict(results[row.id])
        # The desk's own count is the fresher one while a drop runs.
        del counters["confirmed"]
        await feed.write_live_counts(row.room, row.id, {**counters, "returned": row.returned})
