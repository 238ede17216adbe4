"""Close what a stopped instructor has open.

Called by the API right after the stop, and by a worker twice a second: the process that was asked may have
died, and an opening that was checked before the stop may have been written after it. A drop that is scheduled
is closed as one that is open; a prepared one is not open, and stays for whoever goes on. Each step may be
repeated.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from server.core.drops.drops import DropState
from server.desk import DeskUnavailableError
from server.flows.abort import Abort
from server.flows.drops.changes.close_drop import write_close
from server.flows.drops.intents.drive_intents import drive
from server.flows.stores import Stores
from server.ledger import intents
from server.ledger.access import rules
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow

_AT_ONCE: Final = 20  # a class has a few; each takes some ms
_DRIVE_SECONDS: Final = 4.0
_log = structlog.get_logger()


async def close_drops_of(stores: Stores, instructors: Sequence[str], now: int) -> int:
    """Close the open drops of these instructors, at most 20; return how many were closed.

    A drop that is being opened is closed with the next call. Failures of the desk leave the rest to a worker.
    """
    if not instructors:
        return 0
    async with stores.ledger.read() as conn:
        found = await drops.under_way_of(conn, instructors, _AT_ONCE)
        under_way = await intents.pending_among(conn, [row.id for row in found])
    # A drop with a pending change is left to the worker that drives it; perhaps it is this very close.
    open_now = [row for row in found if row.state is DropState.OPEN and row.id not in under_way]
    return sum([await _close(stores, row, now) for row in open_now])


async def close_drops_of_stopped(stores: Stores, now: int) -> int:
    """Close the open drops of all instructors who are stopped; return how many were closed."""
    async with stores.ledger.read() as conn:
        stopped = await rules.stopped_instructors(conn, now)
    return await close_drops_of(stores, stopped, now)


async def _close(stores: Stores, row: DropRow, now: int) -> bool:
    try:
        async with asyncio.timeout(_DRIVE_SECONDS):
            written = await write_close(stores, row.id, row.room, now)
            if written is not None:
                await drive(stores, written.intent, now, written.snapshot)
    except (Abort, DeskUnavailableError, TimeoutError) as error:
        # The intent is written, or the next round writes it.
        _log.warning("drop_of_stopped_instructor_waits", drop=row.id, error=repr(error))
        return False
    _log.warning("drop_of_stopped_instructor_closed", drop=row.id, instructor=row.created_by)
    return True
