"""Student events as rows, and the facts that are counted when an event is accepted.

Called by flows/audiences/student_events.py inside its transaction, and by the worker that ends what is old.
Totals are moved only for an event that is new, in the transaction that inserts it.
"""

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    String,
    Table,
    case,
    delete,
    func,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from server.core.audiences.student_events import (
    KEPT_MS,
    StudentEvent,
    StudentTotals,
    day_of,
    totals,
)
from server.ledger.bulk import insert_into, table_of
from server.ledger.inline_sqlite import LONG
from server.ledger.tables import student_days, student_events, student_interests, students

DAYS_KEPT: Final = 400
INTEREST_KEPT_MS: Final = 40 * 24 * 3600 * 1000
DELETED_AT_ONCE: Final = 2_000

_TEXT, _WHOLE, _INSTANT = String(), Integer(), BigInteger()
_EVENTS: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": _TEXT,
    "type": _TEXT,
    "student": _TEXT,
    "at": _INSTANT,
    "received_at": _INSTANT,
    "data": _TEXT,
}
_STUDENTS: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": _TEXT,
    "registered_at": _INSTANT,
    "first_seen": _INSTANT,
    "last_seen": _INSTANT,
    "lessons_done": _WHOLE,
    "created_at": _INSTANT,
}
_DAYS: Final[Mapping[str, TypeEngine[Any]]] = {
    "student": _TEXT,
    "kind": _TEXT,
    "day": _WHOLE,
    "first_event": _TEXT,
}
_INTERESTS: Final[Mapping[str, TypeEngine[Any]]] = {
    "student": _TEXT,
    "course": _TEXT,
    "last_at": _INSTANT,
}


async def insert_new(
    conn: AsyncConnection, events: Sequence[StudentEvent], now: int
) -> list[StudentEvent]:
    """Insert the events whose ids are not known; return them, in the order in which they were given."""
    rows = [
        (each.id, each.type, each.student, each.at, now, orjson.dumps(each.data).decode())
        for each in sorted(events, key=lambda event: event.id)
    ]
    given = table_of(conn, _EVENTS, rows)
    added = insert_into(conn.dialect, student_events).from_select(
        list(_EVENTS), select(*given.c).where(true())
    )
    unless_there = added.on_conflict_do_nothing(index_elements=["id"])
    new = set(await conn.scalars(unless_there.returning(student_events.c.id)))
    return [each for each in events if each.id in new]


async def add_up(
    conn: AsyncConnection, events: Sequence[StudentEvent], zone: tzinfo, now: int
) -> None:
    """Add new events to the facts of their students: seen, lessons, days, interests."""
    if not events:
        return
    await add_totals(conn, totals(events, now), now)
    await _add_days(conn, events, zone)
    await _add_interests(conn, events, now)


async def add_totals(
    conn: AsyncConnection, by_student: Mapping[str, StudentTotals], now: int
) -> None:
    """Insert the students who are new, and add to the rows of the others. They are given in the order of
    their ids.
    """
    rows = [
        (student, of.registered_at, of.first_at, of.last_at, of.lessons, now)
        for student, of in by_student.items()
    ]
    given = table_of(conn, _STUDENTS, rows)
    added = insert_into(conn.dialect, students).from_select(
        list(_STUDENTS), select(*given.c).where(true()).order_by(given.c.id)
    )
    new, old = added.excluded, students.c
    changed = added.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "registered_at": func.coalesce(old.registered_at, new.registered_at),
            "first_seen": case(
                (new.first_seen < old.first_seen, new.first_seen), else_=old.first_seen
            ),
            "last_seen": case(
                (or_(new.last_seen.is_(None), old.last_seen > new.last_seen), old.last_seen),
                else_=new.last_seen,
            ),
            "lessons_done": old.lessons_done + new.lessons_done,
        },
    )
    await conn.execute(changed)


async def _add_days(conn: AsyncConnection, events: Sequence[StudentEvent], zone: tzinfo) -> None:
    first: dict[tuple[str, str, int], str] = {}
    for each in events:
        first.setdefault((each.student, each.type, day_of(each.at, zone)), each.id)
    rows = [(*key, event_id) for key, event_id in sorted(first.items())]
    given = table_of(conn, _DAYS, rows)
    added = insert_into(conn.dialect, student_days).from_select(
        list(_DAYS), select(*given.c).where(true())
    )
    await conn.execute(added.on_conflict_do_nothing())


async def _add_interests(conn: AsyncConnection, events: Sequence[StudentEvent], now: int) -> None:
    last: dict[tuple[str, str], int] = {}
    for each in events:
        if each.course is not None:
            key, at = (each.student, each.course), min(each.at, now)
            last[key] = max(at, last.get(key, at))
    if not last:
        return
    given = table_of(conn, _INTERESTS, [(*key, at) for key, at in sorted(last.items())])
    added = insert_into(conn.dialect, student_interests).from_select(
        list(_INTERESTS), select(*given.c).where(true())
    )
    new, old = added.excluded, student_interests.c
    is_later = added.on_conflict_do_update(
        index_elements=["student", "course"],
        set_={"last_at": new.last_at},
        where=new.last_at > old.last_at,
    )
    await conn.execute(is_later)


async def delete_old(conn: AsyncConnection, today: int, now: int) -> int:
    """Delete a piece of what is no longer needed; return how many rows. 0: nothing is left to delete."""
    ends: Sequence[tuple[Table, Column[int], int]] = (
        (student_events, student_events.c.received_at, now - KEPT_MS),
        (student_days, student_days.c.day, today - DAYS_KEPT),
        (student_interests, student_interests.c.last_at, now - INTEREST_KEPT_MS),
    )
    return sum([await _delete_before(conn, *end) for end in ends])


async def _delete_before(
    conn: AsyncConnection, table: Table, column: Column[int], before: int
) -> int:
    key = tuple_(*table.primary_key.columns)
    old = select(*table.primary_key.columns).where(column < before).limit(DELETED_AT_ONCE)
    return (await conn.execute(delete(table).where(key.in_(old)).prefix_with(LONG))).rowcount
