"""Cues as rows: when prepared drops open by themselves.

Called by the flows of drops and of the stage. A cue is fired by the transaction that moves its drop from
prepared to opening, so it fires once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.cues import Cue, CueKind, CueState
from server.core.ids import DropId
from server.ledger.tables import cues, drops, stages
from server.ledger.together import Fields, Reading, Rows


@dataclass(frozen=True, slots=True)
class DropCue:
    """The cue of one drop. `place`: its place in the running order of its room, from 1. `changed_at` (ms):
    when it was written, or came to its end."""

    drop_id: DropId
    room: str
    place: int
    cue: Cue
    state: CueState
    reason: str | None
    changed_at: int


async def of_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, DropCue]:
    """Return the cues of those of these drops that have one, by drop."""
    found = await conn.execute(OF_DROPS.query, {"drop_ids": list(drop_ids)})
    return _by_drop(found.mappings().all())


async def of_room(conn: AsyncConnection, room: str) -> list[DropCue]:
    """Return the running order of the room, by place."""
    query = select(cues).where(cues.c.room == room).order_by(cues.c.place, cues.c.drop_id)
    return [_cue(row) for row in (await conn.execute(query)).mappings()]


async def append(conn: AsyncConnection, drop_id: str, room: str, cue: Cue, now: int) -> None:
    """Put a cue at the end of the room's running order."""
    last = await conn.scalar(select(func.max(cues.c.place)).where(cues.c.room == room))
    place = int(last or 0) + 1
    await insert_all(
        conn, [DropCue(DropId(drop_id), room, place, cue, CueState.WAITING, None, now)]
    )


async def insert_all(conn: AsyncConnection, added: Sequence[DropCue]) -> None:
    """Insert these cues."""
    if not added:
        return
    await conn.execute(
        insert(cues),
        [
            {
                "drop_id": one.drop_id,
                "room": one.room,
                "place": one.place,
                "kind": one.cue.kind.value,
                "value": one.cue.value,
                "state": one.state.value,
                "reason": one.reason,
                "changed_at": one.changed_at,
            }
            for one in added
        ],
    )


async def remove(conn: AsyncConnection, drop_ids: Collection[str]) -> None:
    """Remove the cues of these drops."""
    await conn.execute(delete(cues).where(cues.c.drop_id.in_(drop_ids)))


async def remove_of_room(conn: AsyncConnection, room: str) -> None:
    """Remove the running order of the room."""
    await conn.execute(delete(cues).where(cues.c.room == room))


async def finish(
    conn: AsyncConnection, drop_id: str, state: CueState, reason: str | None, now: int
) -> bool:
    """Move a waiting cue to its end; False where it waits no more, or is not there."""
    done = await conn.execute(
        update(cues)
        .where(cues.c.drop_id == drop_id, cues.c.state == CueState.WAITING.value)
        .values(state=state.value, reason=reason, changed_at=now)
    )
    return done.rowcount == 1


async def due(conn: AsyncConnection, limit: int, now: int) -> list[DropCue]:
    """Return waiting cues whose moment has come, in rooms that are not held, the earliest first."""
    kind, value = cues.c.kind, cues.c.value
    has_come = or_(
        (kind == CueKind.AT.value) & (value <= now),
        (kind == CueKind.MINUTE.value) & (stages.c.started_at + value * 60_000 <= now),
        (kind == CueKind.VIDEO.value) & (stages.c.video_seconds >= value),
    )
    query = (
        select(cues)
        .outerjoin(stages, stages.c.room == cues.c.room)
        .where(
            # A literal: else no database uses the partial index.
            cues.c.state == literal("waiting", literal_execute=True),
            stages.c.held_at.is_(None),
            has_come,
        )
        .order_by(value, cues.c.drop_id)
        .limit(limit)
    )
    return [_cue(row) for row in (await conn.execute(query)).mappings()]


async def remove_old(conn: AsyncConnection, before: int, limit: int) -> int:
    """Remove cues of closed drops that changed before `before` (ms), `limit` at most; return how many."""
    old = (
        select(cues.c.drop_id)
        .join(drops, drops.c.id == cues.c.drop_id)
        .where(cues.c.changed_at < before, drops.c.state == "closed")
        .limit(limit)
    )
    return (await conn.execute(delete(cues).where(cues.c.drop_id.in_(old)))).rowcount


def _by_drop(rows: Rows) -> dict[str, DropCue]:
    return {row["drop_id"]: _cue(row) for row in rows}


OF_DROPS: Final = Reading(
    select(cues).where(cues.c.drop_id.in_(bindparam("drop_ids", expanding=True))), _by_drop
)


def _cue(row: Fields) -> DropCue:
    return DropCue(
        drop_id=row["drop_id"],
        room=row["room"],
        place=row["place"],
        cue=Cue(CueKind(row["kind"]), row["value"]),
        state=CueState(row["state"]),
        reason=row["reason"],
        changed_at=row["changed_at"],
    )
