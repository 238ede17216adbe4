"""Drops as rows, and their allotments.

Called by the flows of drops, by the rebuild of a desk and, for reading, by the API. Every move is
conditional on the state it starts from. A transaction that reads and then moves locks the row first
(`find_for_update`). Units are moved by `batch_stock`, in the same transaction.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Select, bindparam, delete, func, insert, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.draw_cards import DRAW
from server.core.drops.drops import Allotment, DropState, EndsBy, Window
from server.core.room_names import LINK_MARK
from server.ledger import deferred
from server.ledger.drops import draws
from server.ledger.drops.drop_row import DropRow, columns_of, row_of
from server.ledger.tables import allotments, desks, drops
from server.ledger.together import Reading, Rows


async def insert_drop(conn: AsyncConnection, row: DropRow) -> None:
    """Insert the drop."""
    await conn.execute(_ADDED, columns_of(row))


async def insert_opening(
    conn: AsyncConnection, row: DropRow, allotment: Allotment, now: int
) -> None:
    """Insert a drop that is being opened, and its units, at the end of the transaction."""
    await deferred.later(conn, _ADDED.values(columns_of(row)))
    await add_allotment_later(conn, row.id, allotment, now)


async def add_allotment_later(
    conn: AsyncConnection, drop_id: str, allotment: Allotment, now: int
) -> None:
    """Insert one allotment of the drop at the end of the transaction."""
    await deferred.later(conn, _UNITS_ADDED.values(_units_of(drop_id, allotment, now)))


async def find(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    return await _first(conn, select(drops).where(drops.c.id == drop_id))


async def find_all(conn: AsyncConnection, drop_ids: Collection[str]) -> list[DropRow]:
    """Return those of these drops that exist, in the order of their ids."""
    query = select(drops).where(drops.c.id.in_(drop_ids)).order_by(drops.c.id)
    return await _rows(conn, query)


async def find_for_update(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    """Return the drop and lock its row until this transaction ends."""
    return await _first(conn, select(drops).where(drops.c.id == drop_id).with_for_update())


async def find_for_update_on_desk(
    conn: AsyncConnection, drop_id: str, epoch: int
) -> DropRow | None:
    """Return the drop and lock its row, after that of its desk, until this transaction ends: no rebuild
    starts meanwhile. None: there is no such drop, or its desk was rebuilt after `epoch`.
    """
    query = select(drops).where(drops.c.id == drop_id, _DESK_EPOCH.scalar_subquery() <= epoch)
    return await _first(conn, query.with_for_update(of=drops))


async def find_for_no_key_update(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    """Return the drop and lock its row against changes (FOR NO KEY UPDATE) until this transaction ends.

    No other transaction closes the drop or returns units of it meanwhile. Unlike under `find_for_update`,
    coupons of the drop are still inserted: the check of their foreign key takes FOR KEY SHARE, which this
    lock permits.
    """
    query = select(drops).where(drops.c.id == drop_id)
    return await _first(conn, query.with_for_update(key_share=True))


async def page_of_room(
    conn: AsyncConnection,
    room: str,
    limit: int,
    after: str | None = None,
    is_closed: bool | None = None,
) -> list[DropRow]:
    """Return a page of the room's drops, newest first, that begins after the drop `after`. `is_closed`: only
    those that are closed, or only those that are not.
    """
    query = select(drops).where(drops.c.room == room).order_by(drops.c.id.desc()).limit(limit)
    if is_closed is not None:
        going_on = (DropState.PREPARED, DropState.OPENING, DropState.OPEN)
        states = (DropState.CLOSED,) if is_closed else going_on
        query = query.where(drops.c.state.in_([one.value for one in states]))
    if after is not None:
        query = query.where(drops.c.id < after)
    return await _rows(conn, query)


async def page_of_running(
    conn: AsyncConnection, rooms: Collection[str] | None, limit: int, after: str | None = None
) -> list[DropRow]:
    """Return a page of the drops of classes that are opening or open, newest first, without rehearsals, that
    begins after the drop `after`; of these rooms, None: of all."""
    running = (DropState.OPENING.value, DropState.OPEN.value)
    query = select(drops).where(
        drops.c.state.in_(running),
        drops.c.rehearsal.is_(False),
        drops.c.room.not_like(f"{LINK_MARK}%"),
    )
    if rooms is not None:
        query = query.where(drops.c.room.in_(rooms))
    if after is not None:
        query = query.where(drops.c.id < after)
    return await _rows(conn, query.order_by(drops.c.id.desc()).limit(limit))


async def lock_waiting_drops(conn: AsyncConnection, room: str) -> None:
    """Lock the set of waiting drops of this room until this transaction ends: no other one adds to it.

    Lock order: call it before any row is locked, so that two transactions cannot deadlock. SQLite needs no
    lock: its write transactions run one at a time.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(_ROOM_LOCK, {"name": f"waiting drops of {room}"})


async def count_waiting(conn: AsyncConnection, room: str, now: int) -> int:
    """Return how many drops of the room are prepared, opening or scheduled."""
    state = drops.c.state
    is_waiting = state.in_([DropState.PREPARED.value, DropState.OPENING.value]) | (
        (state == DropState.OPEN.value) & (drops.c.opens_at > now)
    )
    query = select(func.count()).where(drops.c.room == room, is_waiting)
    return (await conn.execute(query)).scalar_one()


async def overdue(conn: AsyncConnection, now: int, limit: int) -> list[DropRow]:
    """Return open drops whose window is over at `now` (ms), longest overdue first."""
    query = (
        select(drops)
        .where(
            drops.c.state == DropState.OPEN.value,
            drops.c.closes_at <= now,
            drops.c.drawing_at.is_(None),
        )
        .order_by(drops.c.closes_at)
        .limit(limit)
    )
    return await _rows(conn, query)


async def shards_with_open(conn: AsyncConnection) -> set[int]:
    """Return the desk shards that have an open drop."""
    query = select(drops.c.shard).where(drops.c.state == DropState.OPEN.value).distinct()
    return set(await conn.scalars(query))


async def lately_open(conn: AsyncConnection, closed_after: int, limit: int) -> list[DropRow]:
    """Return open drops and those closed after `closed_after` (ms), newest first: people may watch these."""
    watched = (drops.c.state == DropState.OPEN.value) | (drops.c.closed_at > closed_after)
    query = select(drops).where(watched).order_by(drops.c.id.desc()).limit(limit)
    return await _rows(conn, query)


async def open_ones(conn: AsyncConnection, limit: int) -> list[DropRow]:
    """Return open drops, newest first, without rehearsals: the ledger has no claims of those."""
    query = (
        select(drops)
        .where(drops.c.state == DropState.OPEN.value, drops.c.rehearsal.is_(False))
        .order_by(drops.c.id.desc())
        .limit(limit)
    )
    return await _rows(conn, query)


async def under_way_of(
    conn: AsyncConnection, instructors: Collection[str], limit: int
) -> list[DropRow]:
    """Return drops that these instructors made and that are open or being opened, oldest first."""
    query = (
        select(drops)
        .where(
            drops.c.created_by.in_(instructors),
            # A literal: else no database uses the partial index.
            drops.c.state != literal("closed", literal_execute=True),
            drops.c.state.in_((DropState.OPENING.value, DropState.OPEN.value)),
        )
        .order_by(drops.c.created_by, drops.c.id)
        .limit(limit)
    )
    return await _rows(conn, query)


async def mark_opening(conn: AsyncConnection, drop_id: str) -> None:
    """Move a prepared drop to opening."""
    await _move(conn, drop_id, DropState.PREPARED, state=DropState.OPENING.value)


async def replace_prepared(conn: AsyncConnection, row: DropRow) -> None:
    """Overwrite a prepared drop, whose row the caller has locked."""
    changed = {name: value for name, value in columns_of(row).items() if name != "id"}
    await _move(conn, row.id, DropState.PREPARED, **changed)


async def remove_prepared(conn: AsyncConnection, drop_id: str) -> None:
    """Delete a prepared drop: it has no units, and nobody but its teacher has seen it."""
    await conn.execute(
        delete(drops).where(drops.c.id == drop_id, drops.c.state == DropState.PREPARED.value)
    )


async def mark_reopening(conn: AsyncConnection, row: DropRow) -> None:
    """Move a closed drop to opening, with the values of `row`. Its window is stamped by the desk."""
    await _move(
        conn,
        row.id,
        DropState.CLOSED,
        state=DropState.OPENING.value,
        quantity=row.quantity,
        returned=row.returned,
        duration_seconds=row.duration_seconds,
        opens_in_seconds=row.opens_in_seconds,
        ends=row.ends.value,
        ends_at=row.ends_at,
        openings=row.openings,
        opens_at=None,
        closes_at=None,
        closed_at=None,
        close_reason=None,
    )


async def open_without_end(conn: AsyncConnection, limit: int) -> list[DropRow]:
    """Return open drops that end when they are closed or sold out, newest first."""
    query = (
        select(drops)
        .where(drops.c.state == DropState.OPEN.value, drops.c.ends == EndsBy.HAND.value)
        .order_by(drops.c.id.desc())
        .limit(limit)
    )
    return [row_of(row) for row in (await conn.execute(query)).mappings()]


async def mark_open(
    conn: AsyncConnection, drop_id: str, window: Window, present: int, epoch: int
) -> bool:
    """Move an opening drop to open, with the window that the desk of this epoch has stamped.

    False: it is open already, or was closed meanwhile, or its desk was rebuilt after `epoch`. No rebuild
    starts until the transaction ends.
    """
    columns = {"opens_at": window.opens_at, "closes_at": window.closes_at}
    moved = {"of": drop_id, "source": DropState.OPENING.value, "state": DropState.OPEN.value}
    values = {**moved, **columns, "present_at_open": present, "desk_epoch": epoch}
    return (await conn.execute(_OPENED, values)).rowcount == 1


async def mark_drawing(conn: AsyncConnection, drop_id: str, at: int) -> bool:
    """Note that the desk has closed the draw at `at` (ms). False: it was noted, or the drop is over."""
    query = update(drops).where(
        drops.c.id == drop_id,
        drops.c.state == DropState.OPEN.value,
        drops.c.drawing_at.is_(None),
    )
    return (await conn.execute(query.values(drawing_at=at))).rowcount == 1


async def drawing(conn: AsyncConnection, limit: int) -> list[DropRow]:
    """Return draws that are over and not drawn, or not all of whose winners have their unit; oldest first."""
    query = select(drops).where(
        drops.c.state == DropState.OPEN.value, drops.c.drawing_at.is_not(None)
    )
    return await _rows(conn, query.order_by(drops.c.drawing_at).limit(limit))


async def open_draws(conn: AsyncConnection, limit: int) -> list[DropRow]:
    """Return draws that students enter now, or whose window is over and that nobody has closed yet."""
    query = select(drops).where(
        drops.c.state == DropState.OPEN.value, drops.c.mode == DRAW, drops.c.drawing_at.is_(None)
    )
    return await _rows(conn, query.order_by(drops.c.opens_at).limit(limit))


async def mark_closed(
    conn: AsyncConnection, closed: DropRow, source: DropState, returned: int
) -> None:
    """Move the drop, whose row is locked, from the state `source` to closed at the end of the transaction,
    with the values of `closed`. `returned` units go back to the batch now.
    """
    reason = closed.close_reason
    moved = update(drops).where(drops.c.id == closed.id, drops.c.state == source.value)
    closing = moved.values(
        state=DropState.CLOSED.value,
        opens_at=closed.opens_at,
        closes_at=closed.closes_at,
        closed_at=closed.closed_at,
        close_reason=reason and reason.value,
        returned=drops.c.returned + returned,
    )
    await deferred.later(conn, closing)


async def add_units(conn: AsyncConnection, drop: DropRow, allotment: Allotment, now: int) -> None:
    """Add a top-up to the drop; `allotment` begins after its last unit."""
    await _move(conn, drop.id, DropState.OPEN, quantity=allotment.last)
    await insert_allotment(conn, drop.id, allotment, now)


async def add_returned(conn: AsyncConnection, drop_id: str, units: int) -> None:
    """Count units of the drop that go back to the batch in the same transaction."""
    await conn.execute(
        update(drops).where(drops.c.id == drop_id).values(returned=drops.c.returned + units)
    )


async def move_end(conn: AsyncConnection, drop_id: str, closes_at: int) -> None:
    """Set a later end. Of two extensions that are written in the wrong order the later end stays."""
    await conn.execute(
        update(drops)
        .where(drops.c.id == drop_id, drops.c.closes_at < closes_at)
        .values(closes_at=closes_at)
    )


async def move_window(conn: AsyncConnection, drop_id: str, window: Window) -> None:
    """Give the open drop another window, under the next version."""
    await _move(
        conn,
        drop_id,
        DropState.OPEN,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        window_version=drops.c.window_version + 1,
    )


async def insert_allotment(
    conn: AsyncConnection, drop_id: str, allotment: Allotment, now: int
) -> None:
    """Insert one allotment of the drop."""
    await conn.execute(_UNITS_ADDED, _units_of(drop_id, allotment, now))


def _units_of(drop_id: str, allotment: Allotment, now: int) -> dict[str, object]:
    units = {"id": allotment.id, "first": allotment.first, "last": allotment.last}
    return {**units, "drop_id": drop_id, "created_at": now}


async def allotments_of(conn: AsyncConnection, drop_id: str) -> list[Allotment]:
    """Return the drop's allotments, in the order of their units."""
    found = await conn.execute(ALLOTMENTS.query, {"drop": drop_id})
    return _allotments(found.mappings().all())


def _allotments(rows: Rows) -> list[Allotment]:
    return [Allotment(**row) for row in rows]


async def _move(conn: AsyncConnection, drop_id: str, source: DropState, **columns: object) -> None:
    await conn.execute(
        update(drops).where(drops.c.id == drop_id, drops.c.state == source.value).values(**columns)
    )


async def _first(conn: AsyncConnection, query: Select[*tuple[object, ...]]) -> DropRow | None:
    rows = await _rows(conn, query)
    return rows[0] if rows else None


async def _rows(conn: AsyncConnection, query: Select[*tuple[object, ...]]) -> list[DropRow]:
    rows = (await conn.execute(query)).mappings().all()
    drawn = [row["id"] for row in rows if row["mode"] == DRAW]
    of_drops = await draws.of_drops(conn, drawn) if drawn else {}
    return [row_of(row, of_drops.get(row["id"])) for row in rows]


# Built once: these run between the teacher's click and the students' card.
_ADDED, _UNITS_ADDED = insert(drops), insert(allotments)
# The row of the desk is locked before that of the drop: its epoch decides whether there is one to change.
ALLOTMENTS: Final = Reading(
    select(allotments.c.id, allotments.c.first, allotments.c.last)
    .where(allotments.c.drop_id == bindparam("drop"))
    .order_by(allotments.c.first),
    _allotments,
)
_DESK_EPOCH = select(desks.c.epoch).where(desks.c.shard == drops.c.shard).with_for_update(read=True)
_OPENED = update(drops).where(
    drops.c.id == bindparam("of"),
    drops.c.state == bindparam("source"),
    _DESK_EPOCH.scalar_subquery() <= bindparam("desk_epoch"),
)

_ROOM_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
