"""Look for signs that somebody is unfair, and note a wrong code.

`look` is called by a worker; of many workers one looks each minute. It reads the last hour and the last day
from the ledger, and no claim waits for it. The result is a list for operators; nothing else comes of it.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from server.core.access.watch import DAY_MS, HOUR_MS, Level, Sighting, assess
from server.ledger.access import signals, watched
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger

EVERY_MS: Final = 60_000
KEPT_MS: Final = 7 * DAY_MS
_AT_ONCE: Final = 200  # rows of one transaction
_log = structlog.get_logger()


async def look(ledger: Ledger, now: int) -> int:
    """Assess everybody with a signal, and write them down; return how many. 0: another worker has looked.

    LedgerUnavailableError is passed on.
    """
    async with ledger.begin() as conn:
        if not await watched.take_turn(conn, now, EVERY_MS):
            return 0
    found = assess(await _sightings(ledger, now))
    for start in range(0, len(found), _AT_ONCE):
        async with ledger.begin() as conn:
            await watched.write(conn, found[start : start + _AT_ONCE], now)
    async with ledger.begin() as conn:
        await watched.delete_old(conn, now - KEPT_MS)
        await watched.delete_wrong_codes(conn, now - DAY_MS)
    urgent = sum(one.level is Level.BLOCK for one in found)
    if urgent:
        _log.warning("watch_advises_to_block", subjects=urgent)
    return len(found)


async def _sightings(ledger: Ledger, now: int) -> Sequence[Sighting]:
    hour, day = now - HOUR_MS, now - DAY_MS
    found: list[Sighting] = []
    # Each in a transaction of its own: none keeps a snapshot, or a reader, for long.
    async with ledger.read() as conn:
        found += await signals.coupons_per_hour(conn, hour)
    async with ledger.read() as conn:
        found += await signals.coupons_of_holders(conn, hour)
    async with ledger.read() as conn:
        found += await signals.quick_wins(conn, hour)
    async with ledger.read() as conn:
        found += await signals.unpaid_locks(conn, day)
    async with ledger.read() as conn:
        found += await signals.wrong_codes_typed(conn, hour)
        found += await signals.new_accounts(conn, hour, day)
    return found


async def note_wrong_code(ledger: Ledger, student: str, now: int) -> None:
    """Count a code that the student typed and cannot have. A ledger that is away counts none."""
    with suppress(LedgerUnavailableError):
        async with ledger.begin() as conn:
            await watched.count_wrong_code(conn, student, now)
