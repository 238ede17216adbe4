"""The event log: events are recorded without a number, numbered in the order in which they become visible,
and read by number.

`record` is called by flows and by other files of this package, in the transaction of what the events tell.
`number` is called by one worker at a time, the others by readers. Decision 0037 says why a number is not
given when an event is recorded.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import orjson
from sqlalchemy import BigInteger, Text, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TextualSelect

from server.core.event_types import Event
from server.ids import new_ids
from server.ledger.bulk import lines_of
from server.ledger.deferred import Rows, insert_later
from server.ledger.tables import events as numbered
from server.ledger.tables import unnumbered_events

# Rows of one statement on SQLite: six parameters each, of 32,766 allowed.
_AT_ONCE: Final = 500
_NAMES: Final = "id, type, at, subject, student, data"


async def record(conn: AsyncConnection, events: Sequence[Event]) -> None:
    """Insert the events, in this order, at the end of the caller's transaction."""
    if not events:
        return
    ids = new_ids("evt", len(events))
    rows = [
        (id_, each.type.value, each.at, each.subject, each.student, _data_of(each))
        for id_, each in zip(ids, events, strict=True)
    ]
    if conn.dialect.name == "postgresql":
        await insert_later(conn, _insert_on_postgresql, rows)
        return
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        await conn.exec_driver_sql(_insert_text(len(some)), tuple(chain.from_iterable(some)))


def _insert_on_postgresql(rows: Rows) -> TextualSelect:
    """Return one statement, whatever the number of rows: a third of executemany's time on both sides; and
    less again where each column can be sent as one text.
    """
    columns = dict(zip(_NAMES.split(", "), zip(*rows, strict=True), strict=True))
    lines = {
        name: lines_of([*map(str, one)] if name == "at" else one) for name, one in columns.items()
    }
    if None in lines.values():
        return _FROM_LISTS.bindparams(**{name: list(one) for name, one in columns.items()})
    return _FROM_LINES.bindparams(**lines)


def _data_of(event: Event) -> str:
    data = event.data if event.student is None else {"student": event.student, **event.data}
    return orjson.dumps(data).decode()


_LINES: Final = ", ".join(f"string_to_array(:{name}, E'\\n', '')" for name in _NAMES.split(", "))
_FROM_LINES: Final = (
    text(
        f"INSERT INTO unnumbered_events ({_NAMES}) SELECT id, type, at::bigint, subject, student, data "
        f"FROM unnest({_LINES}) AS new({_NAMES})"
    )
    .bindparams(*(bindparam(name, type_=Text) for name in _NAMES.split(", ")))
    .columns()
)
_LISTS: Final = ", ".join(f":{name}" for name in _NAMES.split(", "))
_FROM_LISTS: Final = (
    text(f"INSERT INTO unnumbered_events ({_NAMES}) SELECT * FROM unnest({_LISTS})")
    .bindparams(
        *(
            bindparam(name, type_=ARRAY(BigInteger if name == "at" else Text))
            for name in _NAMES.split(", ")
        )
    )
    .columns()
)


@lru_cache(maxsize=_AT_ONCE)
def _insert_text(rows: int) -> str:
    one = "(?, ?, ?, ?, ?, ?)"
    return f"INSERT INTO unnumbered_events ({_NAMES}) VALUES {', '.join([one] * rows)}"


# --- numbers ------------------------------------------------------------------------------------


async def has_unnumbered(conn: AsyncConnection) -> bool:
    """Return whether an event waits for its number."""
    first = select(unnumbered_events.c.number).limit(1)
    return (await conn.execute(first)).first() is not None


async def oldest_unnumbered_at(conn: AsyncConnection) -> int | None:
    """Return when (ms) the event happened that has waited longest for its number; None: none waits."""
    first = select(unnumbered_events.c.at).order_by(unnumbered_events.c.number).limit(1)
    return (await conn.execute(first)).scalar_one_or_none()


async def number(conn: AsyncConnection, last: int, limit: int) -> list[str]:
    """Give the numbers after `last` to events that are visible and have none; return their types, in order.

    At most `limit`. A type may be of a later version that runs beside this one. The caller has taken the
    position of `NUMBERING` and moves it on: the numbers have no gap because they are given in the transaction
    that keeps count of them.
    """
    if conn.dialect.name == "postgresql":
        # One statement has one snapshot: a row that becomes visible meanwhile waits for the next round.
        found = await conn.execute(_NUMBERED_AT_ONCE, {"last": last, "limit": limit})
        return [row.type for row in found]
    some = {"last": last, "limit": limit}
    await conn.execute(_NUMBERED, some)
    await conn.execute(_TAKEN_OUT, some)
    found = await conn.execute(
        select(numbered.c.type).where(numbered.c.seq > last).order_by(numbered.c.seq)
    )
    return [row.type for row in found]


_WAITING: Final = "SELECT number FROM unnumbered_events ORDER BY number LIMIT :limit"
_NUMBERED_AT_ONCE: Final = text(
    f"WITH taken AS (DELETE FROM unnumbered_events WHERE number IN ({_WAITING}) "
    f"RETURNING number, {_NAMES}), "
    f"given AS (INSERT INTO events (seq, {_NAMES}) "
    f"SELECT :last + row_number() OVER (ORDER BY number), {_NAMES} FROM taken RETURNING seq, type) "
    "SELECT type FROM given ORDER BY seq"
)
_NUMBERED: Final = text(
    f"INSERT INTO events (seq, {_NAMES}) SELECT :last + row_number() OVER (ORDER BY number), {_NAMES} "
    "FROM unnumbered_events ORDER BY number LIMIT :limit"
)
_TAKEN_OUT: Final = text(f"DELETE FROM unnumbered_events WHERE number IN ({_WAITING})")


# --- reading ------------------------------------------------------------------------------------


class NumberedEvent(NamedTuple):
    """An event as readers get it. `data` is JSON text; `student` is a part of it already."""

    seq: int
    id: str
    type: str
    at: int
    subject: str
    student: str | None
    data: str


class EventRange(NamedTuple):
    """Events in order, and the number up to which the log was read for them."""

    events: list[NumberedEvent]
    until: int


async def read_range(
    conn: AsyncConnection,
    after: int,
    until: int,
    types: Collection[str] | None = None,
    limit: int = 500,
) -> EventRange:
    """Return the first `limit` events with `after` < seq <= `until`. `types` None: all types.

    The caller bounds the range: rare types may be far apart. Where there are `limit` events or more, the
    range that is returned ends with the last of them.
    """
    query = select(*(numbered.c[name] for name in NumberedEvent._fields))
    query = query.where(numbered.c.seq > after, numbered.c.seq <= until)
    if types is not None:
        query = query.where(numbered.c.type.in_(sorted(types)))
    found = await conn.execute(query.order_by(numbered.c.seq).limit(limit))
    events = [NumberedEvent._make(row) for row in found]
    return EventRange(events, events[-1].seq if len(events) == limit else until)


async def oldest_kept(conn: AsyncConnection) -> int | None:
    """Return the lowest number that is still in the log, None where it is empty."""
    lowest: int | None = await conn.scalar(select(func.min(numbered.c.seq)))
    return lowest


async def missing_numbers(conn: AsyncConnection, after: int, last: int) -> int:
    """Return how many numbers between the oldest kept one after `after` and `last` have no event; below zero:
    there are events beyond `last`."""
    query = select(func.count(), func.min(numbered.c.seq)).where(numbered.c.seq > after)
    count, first = (await conn.execute(query)).one()
    return 0 if first is None else last - first + 1 - count


async def remove_before(conn: AsyncConnection, before: int, limit: int) -> int:
    """Delete, oldest first, events that happened before `before` (ms), `limit` at most; return how many.

    Looks at the `limit` oldest rows only, and stops at the first one that is young enough.
    """
    oldest = select(numbered.c.seq, numbered.c.at).order_by(numbered.c.seq).limit(limit)
    old = [(seq, at) for seq, at in await conn.execute(oldest)]
    last = next((seq - 1 for seq, at in old if at >= before), old[-1][0] if old else 0)
    removed = await conn.execute(delete(numbered).where(numbered.c.seq <= last))
    return removed.rowcount


async def last_before(conn: AsyncConnection, at: int) -> int:
    """Return about the last number that was given to an event before `at` (ms), 0 where none was.

    Searches by halves: numbers go with time, but for the milliseconds in which transactions overlap.
    """
    bounds = (await conn.execute(select(func.min(numbered.c.seq), func.max(numbered.c.seq)))).one()
    if bounds[0] is None:
        return 0
    low, high = int(bounds[0]) - 1, int(bounds[1])
    while low < high:
        middle = (low + high + 1) // 2
        found = await conn.scalar(select(numbered.c.at).where(numbered.c.seq == middle))
        if found is None or found < at:
            low = middle
        else:
            high = middle - 1
    return low
