"""Calls of webhooks as rows, kept for 30 days, and the ranges that are to be sent again.

Called by the flows of webhooks inside their transactions.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import webhook_deliveries, webhook_replays

_D = webhook_deliveries.c
_R = webhook_replays.c


class Delivery(NamedTuple):
    """One call. `kind`: event, replay or test. `status`: of the answer, None where none came. `error`: None
    where it was delivered. `answer`: the first bytes of the answer's body."""

    id: str
    webhook_id: str
    at: int
    kind: str
    first_seq: int | None
    last_seq: int | None
    events: int
    attempt: int
    status: int | None
    error: str | None
    answer: str | None
    duration_ms: int


async def write(conn: AsyncConnection, deliveries: Sequence[Delivery]) -> None:
    """Insert the calls."""
    if deliveries:
        await conn.execute(insert(webhook_deliveries), [each._asdict() for each in deliveries])


async def page(
    conn: AsyncConnection, webhook_id: str, limit: int, after: str | None
) -> list[Delivery]:
    """Return a page of a webhook's calls, newest first, that begins after the call `after`."""
    query = select(*(_D[name] for name in Delivery._fields)).where(_D.webhook_id == webhook_id)
    if after is not None:
        query = query.where(_D.id < after)
    rows = await conn.execute(query.order_by(_D.id.desc()).limit(limit))
    return [Delivery._make(row) for row in rows]


async def remove_before(conn: AsyncConnection, before: int, limit: int) -> int:
    """Delete calls that were made before `before` (ms), `limit` at most; return how many."""
    old = select(_D.id).where(_D.at < before).order_by(_D.at).limit(limit)
    gone = await conn.execute(delete(webhook_deliveries).where(_D.id.in_(old)))
    return gone.rowcount


class Replay(NamedTuple):
    """A range to send again: the numbers after `position`, up to `until_seq`."""

    id: str
    webhook_id: str
    position: int
    until_seq: int
    created_at: int


async def add_replay(conn: AsyncConnection, replay: Replay) -> None:
    """Insert the range."""
    await conn.execute(insert(webhook_replays).values(replay._asdict()))


async def replays_of(conn: AsyncConnection, webhook_id: str) -> list[Replay]:
    """Return the ranges that are to be sent again, in the order of the requests."""
    query = select(*(_R[name] for name in Replay._fields)).where(_R.webhook_id == webhook_id)
    return [Replay._make(row) for row in await conn.execute(query.order_by(_R.id))]


async def move_replay(conn: AsyncConnection, replay: Replay, position: int) -> None:
    """Write how far the range has come; the row leaves at its end."""
    if position >= replay.until_seq:
        await conn.execute(delete(webhook_replays).where(_R.id == replay.id))
    else:
        await conn.execute(
            update(webhook_replays).where(_R.id == replay.id).values(position=position)
        )
