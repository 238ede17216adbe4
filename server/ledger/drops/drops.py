"""Drops as rows, and their allotments.

Called by the flows of drops, by the rebuild of a desk and, for reading, by the API. Every move is
conditional on the state it starts from. A transaction that reads and then moves locks the row first
(`find_for_update`). Units are moved by `batch_stock`, in the same transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, bindparam, func, insert, select, text, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.claims import Audience
from server.core.drops.drops import Allotment, CloseReason, DropState, Window
from server.core.ids import BatchId, DropId
from server.ledger.tables import allotments, drops


@dataclass(frozen=True, slots=True)
class DropRow:
    """A drop as the ledger has it. Instants are in ms.

    `quantity` includes top-ups; `returned` counts units that went back to the batch. A prepared drop has
    taken none yet. `state` is one of prepared, opening, open and closed; the states between open and closed
    follow from the clock (core/drops/drops.state_at).
    """

    id: DropId
    room: str
    batch_id: BatchId
    per_student: int
    shard: int
    state: DropState
    mode: str
    message: str
    quantity: int
    duration_seconds: int
    opens_in_seconds: int
    audience: Audience
    metadata: Mapping[str, str]
    created_by: str
    created_at: int
    returned: int = 0
    opens_at: int | None = None
    closes_at: int | None = None
    closed_at: int | None = None
    close_reason: CloseReason | None = None
    present_at_open: int | None = None

    @property
    def window(self) -> Window | None:
        """The window, None before the desk has stamped it."""
        if self.opens_at is None or self.closes_at is None:
            return None
        return Window(self.opens_at, self.closes_at)


async def insert_drop(conn: AsyncConnection, row: DropRow) -> None:
    """Insert the drop."""
    columns: dict[str, object] = {name: getattr(row, name) for name in _PLAIN}
    audience = {"tags": sorted(row.audience.tags), "students": sorted(row.audience.students)}
    columns |= {
        "state": row.state.value,
        "audience": audience,
        "metadata": dict(row.metadata),
    }
    await conn.execute(_ADDED, columns)


async def find(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    return await _first(conn, select(drops).where(drops.c.id == drop_id))


async def find_all(conn: AsyncConnection, drop_ids: Collection[str]) -> list[DropRow]:
    """Return those of these drops that exist, in the order of their ids."""
    query = select(drops).where(drops.c.id.in_(drop_ids)).order_by(drops.c.id)
    return [_row(row) for row in (await conn.execute(query)).mappings()]


async def find_for_update(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    """Return the drop and lock its row until this transaction ends."""
    return await _first(conn, select(drops).where(drops.c.id == drop_id).with_for_update())


async def find_for_no_key_update(conn: AsyncConnection, drop_id: str) -> DropRow | None:
    """Return the drop and lock its row against changes (FOR NO KEY UPDATE) until this transaction ends.

    No other transaction closes the drop or returns units of it meanwhile. Unlike under `find_for_update`,
    coupons of the drop are still inserted: the check of their foreign key takes FOR KEY SHARE, which this
    lock permits.
    """
    query = select(drops).where(drops.c.id == drop_id)
    return await _first(conn, query.with_for_update(key_share=True))


async def page_of_room(
    conn: AsyncConnection, room: str, limit: int, after: str | None = None
) -> list[DropRow]:
    """Return a page of the room's drops, newest first, that begins after the drop `after`."""
    query = select(drops).where(drops.c.room == room).order_by(drops.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(drops.c.id < after)
    return [_row(row) for row in (await conn.execute(query)).mappings()]


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
        .where(drops.c.state == DropState.OPEN.value, drops.c.closes_at <= now)
        .order_by(drops.c.closes_at)
        .limit(limit)
    )
    return [_row(row) for row in (await conn.execute(query)).mappings()]


async def shards_with_open(conn: AsyncConnection) -> set[int]:
    """Return the desk shards that have an open drop."""
    query = select(drops.c.shard).where(drops.c.state == DropState.OPEN.value).distinct()
    return set(await conn.scalars(query))


async def lately_open(conn: AsyncConnection, closed_after: int, limit: int) -> list[DropRow]:
    """Return open drops and those closed after `closed_after` (ms), newest first: people may watch these."""
    watched = (drops.c.state == DropState.OPEN.value) | (drops.c.closed_at > closed_after)
    query = select(drops).where(watched).order_by(drops.c.id.desc()).limit(limit)
    return [_row(row) for row in (await conn.execute(query)).mappings()]


async def open_ones(conn: AsyncConnection, limit: int) -> list[DropRow]:
    """Return open drops, newest first."""
    query = (
        select(drops)
        .where(drops.c.state == DropState.OPEN.value)
        .order_by(drops.c.id.desc())
        .limit(limit)
    )
    return [_row(row) for row in (await conn.execute(query)).mappings()]


async def mark_opening(conn: AsyncConnection, drop_id: str) -> None:
    """Move a prepared drop to opening."""
    await _move(conn, drop_id, DropState.PREPARED, state=DropState.OPENING.value)


async def mark_open(conn: AsyncConnection, drop_id: str, window: Window, present: int) -> None:
    """Move an opening drop to open, with its window. Does nothing if it was closed meanwhile."""
    columns = {"opens_at": window.opens_at, "closes_at": window.closes_at}
    moved = {"of": drop_id, "source": DropState.OPENING.value, "state": DropState.OPEN.value}
    await conn.execute(_OPENED, {**moved, **columns, "present_at_open": present})


async def mark_closed(
    conn: AsyncConnection, closed: DropRow, source: DropState, returned: int
) -> None:
    """Move the drop from the state `source` to closed, with the values of `closed`. `returned` units go back
    to the batch now.
    """
    reason = closed.close_reason
    await _move(
        conn,
        closed.id,
        source,
        state=DropState.CLOSED.value,
        opens_at=closed.opens_at,
        closes_at=closed.closes_at,
        closed_at=closed.closed_at,
        close_reason=reason and reason.value,
        returned=drops.c.returned + returned,
    )


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


async def insert_allotment(
    conn: AsyncConnection, drop_id: str, allotment: Allotment, now: int
) -> None:
    """Insert one allotment of the drop."""
    units = {"id": allotment.id, "first": allotment.first, "last": allotment.last}
    await conn.execute(_UNITS_ADDED, {**units, "drop_id": drop_id, "created_at": now})


async def allotments_of(conn: AsyncConnection, drop_id: str) -> list[Allotment]:
    """Return the drop's allotments, in the order of their units."""
    query = select(allotments.c.id, allotments.c.first, allotments.c.last).where(
        allotments.c.drop_id == drop_id
    )
    rows = await conn.execute(query.order_by(allotments.c.first))
    return [Allotment(id=row[0], first=row[1], last=row[2]) for row in rows]


async def _move(conn: AsyncConnection, drop_id: str, source: DropState, **columns: object) -> None:
    await conn.execute(
        update(drops).where(drops.c.id == drop_id, drops.c.state == source.value).values(**columns)
    )


async def _first(conn: AsyncConnection, query: Select[*tuple[object, ...]]) -> DropRow | None:
    row = (await conn.execute(query)).mappings().first()
    return _row(row) if row else None


def _row(row: RowMapping) -> DropRow:
    audience, reason = row["audience"], row["close_reason"]
    return DropRow(
        **{name: row[name] for name in _PLAIN},
        state=DropState(row["state"]),
        audience=Audience(frozenset(audience["tags"]), frozenset(audience["students"])),
        metadata=row["metadata"],
        close_reason=CloseReason(reason) if reason else None,
    )


# Built once: these run between the teacher's click and the students' card.
_ADDED, _UNITS_ADDED = insert(drops), insert(allotments)
_OPENED = update(drops).where(drops.c.id == bindparam("of"), drops.c.state == bindparam("source"))

# Columns that are fields under the same name.
_PLAIN = (
    *("id", "room", "batch_id", "per_student", "shard", "mode", "message", "quantity"),
    *("duration_seconds", "opens_in_seconds", "created_by", "created_at", "returned"),
    *("opens_at", "closes_at", "closed_at", "present_at_open"),
)
_ROOM_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
