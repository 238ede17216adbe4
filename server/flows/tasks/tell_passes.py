"""Tell the desk who has passed a task by what the ledger knows, and tell their sockets.

Called by a worker. Each step may be repeated: the desk keeps a set, and clients ignore a progress that they
know. A desk that was rebuilt meanwhile is told again, because the rebuild takes `told` back.
"""

from itertools import groupby
from operator import attrgetter
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.tasks import needed, progress_of
from server.core.ids import StudentId
from server.desk.drops.task_desk import TaskOf
from server.desk.feed.coupon_changes import CouponChange
from server.flows.stores import Stores, assert_desk_epoch
from server.frames import task_frames
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.tasks import passes
from server.ledger.tasks.passes import Pass

_AT_ONCE: Final = 1_000
_KEPT_MS: Final = 400 * 24 * 3600 * 1000
_PIECES: Final = 20


async def tell_passes(stores: Stores) -> int:
    """Tell what the desk has not been told, at most _AT_ONCE; return how many. May raise
    DeskUnavailableError: then they are told later."""
    async with stores.ledger.read() as conn:
        rows = {row.id: row for row in await passes.open_with_task(conn)}
        waiting = await passes.untold(conn, list(rows), _AT_ONCE) if rows else []
    for drop_id, of_drop in groupby(waiting, key=attrgetter("drop_id")):
        await _tell(stores, rows[drop_id], list(of_drop))
    return len(waiting)


async def has_untold_passes(conn: AsyncConnection, _by: int) -> bool:
    """Return whether the desk has to be told something."""
    waiting = [row.id for row in await passes.open_with_task(conn)]
    return bool(waiting and await passes.untold(conn, waiting, 1))


async def _tell(stores: Stores, row: DropRow, passed: list[Pass]) -> None:
    assert row.task is not None
    epoch = (await stores.desk.epochs())[row.shard]
    if epoch is None:
        return  # it is being rebuilt
    most = needed(row.task)
    of = TaskOf(row.shard, row.id, row.task)
    await stores.desk.tasks.set_done(of, {one.student: most for one in passed}, most)
    progress = progress_of(row.task, most, passed=True)
    frame = {"type": "task_progress", **task_frames.progress_fields(row.id, progress)}
    await stores.feed.publish_changes(
        [CouponChange(StudentId(one.student), frame) for one in passed]
    )
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, epoch)
        await passes.mark_told(conn, passed)


async def delete_old(ledger: Ledger, now: int) -> None:
    """Delete, in pieces, what is known of the tasks of drops that closed 400 days ago."""
    for _ in range(_PIECES):
        async with ledger.begin() as conn:
            if not await passes.delete_old(conn, now - _KEPT_MS):
                return
