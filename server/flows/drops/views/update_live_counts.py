"""Copy the ledger's counts of drops to the feed's boards, for the teachers' live numbers.

Called by the worker about once a second. The counts are absolute and read anew each time, so a board that
was lost is right again after the next call.
"""

from dataclasses import asdict

from server.desk.feed.feed import Feed
from server.ledger.drops import drop_results, drops
from server.ledger.engine import Ledger

WATCHED_AFTER_CLOSE_MS = 10 * 60 * 1000  # a teacher looks at the result for some minutes
_AT_MOST = 200  # drops, the newest first: bounds the work of one call


async def update_live_counts(ledger: Ledger, feed: Feed, now: int) -> None:
    """Write the board of each drop that is open or was closed a short time ago.

    LedgerUnavailableError and DeskUnavailableError are passed on.
    """
    async with ledger.read() as conn:
        watched = await drops.lately_open(conn, now - WATCHED_AFTER_CLOSE_MS, _AT_MOST)
        results = await drop_results.of_drops(conn, [row.id for row in watched])
    for row in watched:
        counters = asdict(results[row.id])
        # Leave this one out: the desk counts confirmations itself, and its count is newer.
        del counters["confirmed"]
        await feed.write_live_counts(row.room, row.id, {**counters, "returned": row.returned})
