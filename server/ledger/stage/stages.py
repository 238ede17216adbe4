"""Stages as rows: when the class of a room began, whether its running order is held, where its video is."""

from collections.abc import Collection

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.stage.running_order import Stage
from server.ledger.tables import stages


async def find(conn: AsyncConnection, room: str) -> Stage:
    """Return the stage of the room; an empty one where nothing has happened there."""
    return (await find_all(conn, [room])).get(room, Stage(room))


async def find_all(conn: AsyncConnection, rooms: Collection[str]) -> dict[str, Stage]:
    """Return the stages of those of these rooms that have one."""
    query = select(stages).where(stages.c.room.in_(rooms))
    return {row["room"]: _stage(row) for row in (await conn.execute(query)).mappings()}


async def find_for_share(conn: AsyncConnection, room: str) -> Stage:
    """Return the stage; nobody holds the room before this transaction ends."""
    query = select(stages).where(stages.c.room == room).with_for_update(read=True)
    row = (await conn.execute(query)).mappings().first()
    return Stage(room) if row is None else _stage(row)


async def find_for_update(conn: AsyncConnection, room: str) -> Stage:
    """Return the stage and lock its row, which the caller has made sure of by `touch`."""
    query = select(stages).where(stages.c.room == room).with_for_update()
    return _stage((await conn.execute(query)).mappings().one())


async def replace(conn: AsyncConnection, stage: Stage, now: int) -> None:
    """Overwrite the stage, whose row the caller has locked."""
    await conn.execute(
        update(stages)
        .where(stages.c.room == stage.room)
        .values(
            started_at=stage.started_at,
            started_by=stage.started_by,
            held_at=stage.held_at,
            held_by=stage.held_by,
            video_seconds=stage.video_seconds,
            video_at=stage.video_at,
            version=stages.c.version + 1,
            changed_at=now,
        )
    )


async def touch(conn: AsyncConnection, room: str, now: int) -> None:
    """Make sure that the room has a row. The caller has serialised this room's writers."""
    if await conn.scalar(select(stages.c.version).where(stages.c.room == room)) is None:
        await conn.execute(insert(stages), {"room": room, "version": 1, "changed_at": now})


async def remove_old(conn: AsyncConnection, before: int) -> None:
    """Delete stages that nobody has changed since `before` (ms)."""
    await conn.execute(delete(stages).where(stages.c.changed_at < before))


def _stage(row: RowMapping) -> Stage:
    names = ("room", "started_at", "started_by", "held_at", "held_by", "video_seconds", "video_at")
    return Stage(**{name: row[name] for name in names})
