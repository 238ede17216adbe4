"""Passes of the tasks of drops that the ledger knows: by events of the school, or by invitations.

Written in the transaction that moves the reader of the event log, or that records an invitation. A worker
tells the desk (flows/tasks/tell_passes.py); `told` is taken back when a shard is rebuilt, so that a lost desk
gets them again. Deleted 400 days after the close of their drop.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.ids import DropId
from server.ledger.bulk import insert_into
from server.ledger.drops import drops as drop_rows
from server.ledger.drops.drop_row import DropRow
from server.ledger.tables import drops, invitations, inviters, task_passes

_OPEN_AT_ONCE = 500  # drops with a task that are open at the same time: more than any school has
_DELETED_AT_ONCE = 5_000
_RUNNING = (DropState.OPENING.value, DropState.OPEN.value)


class Pass(NamedTuple):
    """A student has passed the task of a drop at `at` (ms)."""

    drop_id: DropId
    student: str
    at: int


async def open_with_task(conn: AsyncConnection) -> list[DropRow]:
    """Return drops that have a task and are open or being opened, by id."""
    query = (
        select(drops.c.id)
        .where(drops.c.state.in_(_RUNNING), drops.c.task.is_not(None))
        .order_by(drops.c.id)
        .limit(_OPEN_AT_ONCE)
    )
    return await drop_rows.find_all(conn, list(await conn.scalars(query)))


async def insert(conn: AsyncConnection, passes: Sequence[Pass]) -> None:
    """Insert passes; those that are there already stay as they are."""
    if passes:
        rows = [one._asdict() for one in passes]
        added = insert_into(conn.dialect, task_passes).values(rows)
        await conn.execute(added.on_conflict_do_nothing())


async def untold(conn: AsyncConnection, drop_ids: Collection[str], limit: int) -> list[Pass]:
    """Return passes of these drops that the desk has not been told."""
    its = task_passes.c
    query = (
        select(its.drop_id, its.student, its.at)
        .where(its.drop_id.in_(drop_ids), its.told.is_(False))
        .order_by(its.drop_id, its.student)
        .limit(limit)
    )
    return [Pass._make(row) for row in await conn.execute(query)]


async def mark_told(conn: AsyncConnection, passes: Sequence[Pass]) -> None:
    """Note that the desk knows these."""
    its = task_passes.c
    keys = [(one.drop_id, one.student) for one in passes]
    await conn.execute(
        update(task_passes).where(tuple_(its.drop_id, its.student).in_(keys)).values(told=True)
    )


async def forget_told(conn: AsyncConnection, drop_ids: Collection[str]) -> None:
    """Let the desk be told again of the passes of these drops: it is being rebuilt."""
    its = task_passes.c
    await conn.execute(
        update(task_passes).where(its.drop_id.in_(drop_ids), its.told.is_(True)).values(told=False)
    )


async def delete_old(conn: AsyncConnection, before: int) -> int:
    """Delete what is known of the tasks of drops that closed before `before` (ms), a piece of it; return how
    many rows that were."""
    old = select(drops.c.id).where(drops.c.closed_at < before, drops.c.task.is_not(None))
    count = 0
    for table in (task_passes, invitations, inviters):
        keys = list(table.primary_key.columns)
        found = select(*keys).where(table.c.drop_id.in_(old)).limit(_DELETED_AT_ONCE)
        rows = [tuple(row) for row in await conn.execute(found)]
        if rows:
            await conn.execute(delete(table).where(tuple_(*keys).in_(rows)))
        count += len(rows)
    return count
