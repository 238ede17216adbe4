"""Students as rows, with their tags and facts.

Called by flows/audiences and, for reading, by the API. Rows of students are locked in the order of their ids,
and before anything else of theirs, so that two transactions cannot deadlock.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Float, Select, String, delete, func, insert, or_, select, true
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from server.core.audiences.students import (
    FactValue,
    Student,
    StudentForm,
    fact_columns,
    name_key,
)
from server.ledger.bulk import insert_into, is_among, pairs, table_of
from server.ledger.inline_sqlite import LONG
from server.ledger.prefixes import begins_with
from server.ledger.tables import student_facts, student_tags, students

_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": String(),
    "name": String(),
    "name_key": String(),
    "registered_at": BigInteger(),
    "first_seen": BigInteger(),
    "created_at": BigInteger(),
}
_FACT_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "student": String(),
    "name": String(),
    "value": String(),
    "number": Float(),
    "text": String(),
    "at": BigInteger(),
}


async def upsert(conn: AsyncConnection, forms: Sequence[StudentForm], now: int) -> None:
    """Insert the students, or change what is said of those that exist. No id may stand twice."""
    if not forms:
        return
    await _upsert_rows(conn, sorted(forms, key=lambda form: form.id), now)
    await _replace_tags(conn, {form.id: form.tags for form in forms if form.tags is not None})
    await _set_facts(conn, forms)


async def _upsert_rows(conn: AsyncConnection, forms: Sequence[StudentForm], now: int) -> None:
    rows = [
        (
            form.id,
            form.name,
            name_key(form.name) if form.name else None,
            form.registered_at,
            now,
            now,
        )
        for form in forms
    ]
    given = table_of(conn, _COLUMNS, rows)
    added = insert_into(conn.dialect, students).from_select(
        list(_COLUMNS), select(*given.c).where(true()).order_by(given.c.id)
    )
    kept = {
        name: func.coalesce(added.excluded[name], students.c[name])
        for name in ("name", "name_key", "registered_at")
    }
    changed = added.on_conflict_do_update(index_elements=["id"], set_=kept)
    await conn.execute(changed.prefix_with(LONG))


async def _replace_tags(conn: AsyncConnection, tags: Mapping[str, Collection[str]]) -> None:
    if not tags:
        return
    await conn.execute(delete(student_tags).where(is_among(conn, student_tags.c.student, tags)))
    rows = [(student, tag) for student, of_it in tags.items() for tag in sorted(of_it)]
    if rows:
        given = pairs(conn, rows)
        added = insert(student_tags).from_select(["student", "tag"], select(*given.c))
        await conn.execute(added.prefix_with(LONG))


async def _set_facts(conn: AsyncConnection, forms: Sequence[StudentForm]) -> None:
    removed = [(f.id, name) for f in forms for name, value in f.facts.items() if value is None]
    if removed:
        given = pairs(conn, removed)
        is_one = select(given.c.first).where(
            given.c.first == student_facts.c.student, given.c.second == student_facts.c.name
        )
        await conn.execute(delete(student_facts).where(is_one.exists()))
    rows = [
        _fact_row(f.id, name, value)
        for f in forms
        for name, value in f.facts.items()
        if value is not None
    ]
    if rows:
        given = table_of(conn, _FACT_COLUMNS, rows)
        added = insert_into(conn.dialect, student_facts).from_select(
            list(_FACT_COLUMNS), select(*given.c).where(true())
        )
        names = ("value", "number", "text", "at")
        changed = added.on_conflict_do_update(
            index_elements=["student", "name"], set_={name: added.excluded[name] for name in names}
        )
        await conn.execute(changed.prefix_with(LONG))


def _fact_row(student: str, name: str, value: FactValue) -> tuple[Any, ...]:
    columns = fact_columns(value)
    text = orjson.dumps(value).decode()
    return (student, name, text, columns.number, columns.text, columns.at)


async def page(
    conn: AsyncConnection, prefix: str | None, tag: str | None, limit: int, after: str | None
) -> list[Student]:
    """Return a page of students, the newest rows first, that begins after the student `after`.

    `prefix`: those whose id or name begins with it; a name in any case. `tag`: those who have it.
    """
    query = select(students)
    if prefix:
        query = query.where(
            or_(
                begins_with(conn, students.c.id, prefix),
                begins_with(conn, students.c.name_key, name_key(prefix)),
            )
        )
    if tag is not None:
        has_it = select(student_tags.c.student).where(student_tags.c.tag == tag)
        query = query.where(students.c.id.in_(has_it))
    if after is not None:
        query = await _behind(conn, query, after)
    query = query.order_by(students.c.created_at.desc(), students.c.id.desc()).limit(limit)
    return await _with_tags_and_facts(conn, (await conn.execute(query)).all())


async def find(conn: AsyncConnection, student: str) -> Student | None:
    """Return what is known of the student; None if nothing is."""
    found = await conn.execute(select(students).where(students.c.id == student))
    return next(iter(await _with_tags_and_facts(conn, found.all())), None)


async def _behind(
    conn: AsyncConnection, query: Select[*tuple[Any, ...]], after: str
) -> Select[*tuple[Any, ...]]:
    created_at = await conn.scalar(select(students.c.created_at).where(students.c.id == after))
    if created_at is None:  # a cursor of a student that is gone: the list ends
        return query.where(students.c.id.is_(None))
    is_older = students.c.created_at < created_at
    is_same = (students.c.created_at == created_at) & (students.c.id < after)
    return query.where(is_older | is_same)


async def _with_tags_and_facts(conn: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Student]:
    ids = [row.id for row in rows]
    tags: dict[str, list[str]] = {id_: [] for id_ in ids}
    facts: dict[str, dict[str, FactValue]] = {id_: {} for id_ in ids}
    tagged = select(student_tags).where(is_among(conn, student_tags.c.student, ids))
    for row in await conn.execute(tagged.order_by(student_tags.c.tag)):
        tags[row.student].append(row.tag)
    told = select(student_facts).where(is_among(conn, student_facts.c.student, ids))
    for row in await conn.execute(told.order_by(student_facts.c.name)):
        facts[row.student][row.name] = orjson.loads(row.value)
    return [
        Student(
            id=row.id,
            name=row.name,
            registered_at=row.registered_at,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            lessons_done=row.lessons_done,
            created_at=row.created_at,
            tags=tuple(tags[row.id]),
            facts=facts[row.id],
        )
        for row in rows
    ]
