"""Read what the school tells of students, and note who has passed the task of an open drop by it.

Called by a worker; any number of workers may call it, and the lock of the reader's position lets one of them
read at a time. Passes and the position are committed together, so an event counts once, whatever dies. What
was told before a drop opened does not count for it: tasks belong to the class that is on.
"""

from collections.abc import Sequence
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.tasks import EventTask
from server.core.event_types import EventType
from server.flows.events.follow_pages import follow_pages
from server.ledger import event_log, event_positions
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent
from server.ledger.tasks import passes
from server.ledger.tasks.passes import Pass

READER: Final = "tasks"
_PAGE: Final = 500  # events of one transaction
_SPAN: Final = 5_000  # numbers that one page looks through


async def read_events(ledger: Ledger) -> int:
    """Read the events that have come, a few pages at most; return how many passes they gave."""
    return await follow_pages(ledger, READER, lambda: _page(ledger))


async def _page(ledger: Ledger) -> tuple[int, bool]:
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER)
        if position is None:
            return 0, False
        last = await event_positions.last_number(conn)
        waiting = [d for d in await passes.open_with_task(conn) if isinstance(d.task, EventTask)]
        if not waiting:
            await event_positions.move(conn, READER, last)
            return 0, False
        if any(drop.window is None for drop in waiting):
            return 0, False  # it is being opened: which events are after that is known in a moment
        found, until = await _read(conn, position, last, waiting)
        await passes.insert(conn, found)
        await event_positions.move(conn, READER, until)
        return len(found), until < last


async def _read(
    conn: AsyncConnection, position: int, last: int, waiting: Sequence[DropRow]
) -> tuple[list[Pass], int]:
    end = min(last, position + _SPAN)
    types = (EventType.STUDENT_EVENT.value,)
    events, until = await event_log.read_range(conn, position, end, types, _PAGE)
    return [one for event in events for one in _passes_by(event, waiting)], until


def _passes_by(event: NumberedEvent, waiting: Sequence[DropRow]) -> list[Pass]:
    """Return the passes that an event gives: of drops that wait for its type, and were open by then."""
    if event.student is None:
        return []
    type_ = orjson.loads(event.data)["type"]
    return [
        Pass(drop.id, event.student, event.at)
        for drop in waiting
        if isinstance(drop.task, EventTask)
        and drop.task.type == type_
        and drop.window is not None
        and drop.window.opens_at <= event.at < drop.window.closes_at
    ]
