"""Replaces a student in every table by a pseudonym, page by page, so that no statement is long.

Called by the flow that erases (flows/students/erase.py), which repeats it until nothing is left. Which
columns there are is in personal_columns.py. Every statement may be repeated.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.events.message_rules import CancelledBecause
from server.core.messages import WAITING, MessageState
from server.core.students.erasure import REASON_KEYS, with_pseudonym, without_id
from server.ledger.engine import Ledger
from server.ledger.students.personal_columns import (
    CLEARED_COLUMNS,
    DELETED_ROWS,
    ID_OF_ROW,
    JSON_COLUMNS,
    REASON_COLUMNS,
    REPEATING_COLUMNS,
    STUDENT_COLUMNS,
)
from server.ledger.tables import idempotency_keys, job_files, jobs, messages, metadata

PAGE: Final = 10_000  # rows that one statement looks at: 10 ms of the database
_Key = tuple[Any, ...]
_RowChange = Callable[[Mapping[str, Any], "Names"], dict[str, Any]]
_PageWork = Callable[[AsyncConnection, Table, "Names", ColumnElement[bool]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Names:
    """A student's id, and what stands in its place from now on."""

    student: str
    pseudonym: str


async def erase_from(ledger: Ledger, table_name: str, names: Names) -> int:
    """Replace the student in one table; return how many rows were changed. The subject of jobs stays."""
    table = metadata.tables[table_name]
    if table_name in DELETED_ROWS:
        return await _in_pages(ledger, table, names, _delete_page)
    changed = 0
    if table_name in STUDENT_COLUMNS and table is not jobs:
        changed += await _in_pages(ledger, table, names, _rename_page)
    if table_name in JSON_COLUMNS:
        changed += await _in_pages(ledger, table, names, _rewrite_page)
    if table_name in REPEATING_COLUMNS:
        changed += await _in_pages(ledger, table, names, _empty_page)
    if table_name in REASON_COLUMNS:
        changed += await _in_pages(ledger, table, names, _reword_page)
    return changed


def tables_with_students() -> list[str]:
    """Return the names of all tables that may name a student, in the order in which they depend."""
    named = {*STUDENT_COLUMNS, *JSON_COLUMNS, *REPEATING_COLUMNS, *REASON_COLUMNS}
    return [str(table.name) for table in metadata.sorted_tables if table.name in named]


async def forget_requests(conn: AsyncConnection, student: str) -> int:
    """Delete idempotency keys whose path or caller names the student, and files that jobs made. Cancel
    the messages that wait.
    """
    keys = idempotency_keys.c
    named = or_(keys.subject == student, keys.path.contains(f"/{student}", autoescape=True))
    gone = await conn.execute(delete(idempotency_keys).where(named))
    of_student = select(jobs.c.id).where(jobs.c.subject == student)
    files = await conn.execute(delete(job_files).where(job_files.c.job_id.in_(of_student)))
    await conn.execute(update(jobs).where(jobs.c.subject == student).values(result_until=None))
    waits = messages.c.state.in_([state.value for state in WAITING])
    values = {
        "state": MessageState.CANCELLED.value,
        "reason": CancelledBecause.ERASED.value,
        "counted_at": None,
    }
    unsent = update(messages).where(messages.c.student == student, waits)
    return gone.rowcount + files.rowcount + (await conn.execute(unsent.values(values))).rowcount


async def _in_pages(ledger: Ledger, table: Table, names: Names, do_page: _PageWork) -> int:
    """Call `do_page` for each page of the table's keys, or once where an index finds the rows. A page is read
    first: those who write wait only for pages that name the student.
    """
    if do_page in (_rename_page, _delete_page) and _is_indexed(table):
        async with ledger.begin() as conn:
            return await do_page(conn, table, names, literal(True))
    changed = 0
    after: _Key | None = None
    while True:
        async with ledger.read() as conn:
            until = await _end_of_page(conn, table, after)
            page = _between(table, after, until)
            named = select(literal(1)).select_from(table).where(page, _NAMED[do_page](table, names))
            is_named = (await conn.execute(named.limit(1))).first() is not None
        if is_named:
            async with ledger.begin() as conn:
                changed += await do_page(conn, table, names, page)
        if until is None:
            return changed
        after = until


def _is_indexed(table: Table) -> bool:
    """Return whether a whole index begins with each of the table's columns of students."""
    indexed = {next(iter(table.primary_key.columns)).name}
    indexed |= {
        next(iter(index.columns)).name
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is None
    }
    return set(STUDENT_COLUMNS[table.name]) <= indexed


async def _end_of_page(conn: AsyncConnection, table: Table, after: _Key | None) -> _Key | None:
    """Return the key of the last row of the page behind `after`; None: the page is the last one."""
    key = list(table.primary_key.columns)
    query = select(*key).where(_between(table, after, None)).order_by(*key)
    row = (await conn.execute(query.offset(PAGE - 1).limit(1))).first()
    return tuple(row) if row else None


def _between(table: Table, after: _Key | None, until: _Key | None) -> ColumnElement[bool]:
    key = list(table.primary_key.columns)
    if len(key) == 1:
        bounds = [key[0] > after[0]] if after else []
        bounds += [key[0] <= until[0]] if until else []
        return and_(literal(True), *bounds)
    bounds = [tuple_(*key) > tuple_(*after)] if after else []
    bounds += [tuple_(*key) <= tuple_(*until)] if until else []
    return and_(literal(True), *bounds)


async def _delete_page(
    conn: AsyncConnection, table: Table, names: Names, page: ColumnElement[bool]
) -> int:
    return (await conn.execute(delete(table).where(page, _is_theirs(table, names)))).rowcount


async def _rename_page(
    conn: AsyncConnection, table: Table, names: Names, page: ColumnElement[bool]
) -> int:
    columns = [table.c[name] for name in STUDENT_COLUMNS[table.name]]
    values: dict[str, Any] = {
        column.name: case((column == names.student, names.pseudonym), else_=column)
        for column in columns
    }
    for name, value in CLEARED_COLUMNS.get(table.name, {}).items():
        values[name] = table.c.id if value == ID_OF_ROW else value
    done = await conn.execute(update(table).where(page, _is_theirs(table, names)).values(values))
    return int(done.rowcount)


async def _rewrite_page(
    conn: AsyncConnection, table: Table, names: Names, page: ColumnElement[bool]
) -> int:
    chosen = and_(page, _mentions(table, names))
    return await _change_rows(conn, table, JSON_COLUMNS[table.name], names, chosen, _rewritten)


async def _reword_page(
    conn: AsyncConnection, table: Table, names: Names, page: ColumnElement[bool]
) -> int:
    chosen = and_(page, _has_in_reasons(table, names))
    return await _change_rows(conn, table, REASON_COLUMNS[table.name], names, chosen, _reworded)


async def _change_rows(
    conn: AsyncConnection,
    table: Table,
    columns: Sequence[str],
    names: Names,
    chosen: ColumnElement[bool],
    change: _RowChange,
) -> int:
    """Write what `change` makes of these columns of the chosen rows, and return how many it changed."""
    key = list(table.primary_key.columns)
    query = select(*key, *(table.c[name] for name in columns)).where(chosen)
    changed = 0
    for row in (await conn.execute(query)).all():
        values = change(dict(zip(columns, row[len(key) :], strict=True)), names)
        if values:
            is_row = and_(*(one == value for one, value in zip(key, row, strict=False)))
            await conn.execute(update(table).where(is_row).values(values))
            changed += 1
    return changed


async def _empty_page(
    conn: AsyncConnection, table: Table, names: Names, page: ColumnElement[bool]
) -> int:
    columns = [table.c[name] for name in REPEATING_COLUMNS[table.name]]
    values: dict[str, Any] = {
        column.name: case((_repeats(column, names), "erased"), else_=column) for column in columns
    }
    done = await conn.execute(update(table).where(page, _repeat(table, names)).values(values))
    return int(done.rowcount)


def _is_theirs(table: Table, names: Names) -> ColumnElement[bool]:
    return or_(*(table.c[name] == names.student for name in STUDENT_COLUMNS[table.name]))


def _mentions(table: Table, names: Names) -> ColumnElement[bool]:
    quoted = orjson.dumps(names.student).decode()
    columns = [_text(table, name) for name in JSON_COLUMNS[table.name]]
    return or_(
        *(column.contains(quoted, autoescape=True) for column in columns),
        *(and_(_repeats(column, names), _gives_a_reason(column)) for column in columns),
    )


def _gives_a_reason(json: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(*(json.contains(f'"{key}"') for key in sorted(REASON_KEYS)))


def _has_in_reasons(table: Table, names: Names) -> ColumnElement[bool]:
    return or_(*(_repeats(table.c[name], names) for name in REASON_COLUMNS[table.name]))


def _repeat(table: Table, names: Names) -> ColumnElement[bool]:
    return or_(*(_repeats(table.c[name], names) for name in REPEATING_COLUMNS[table.name]))


def _repeats(column: ColumnElement[str], names: Names) -> ColumnElement[bool]:
    return column.contains(names.student, autoescape=True)


# Which rows of a page each of these has to change.
_NAMED: Final[Mapping[_PageWork, Callable[[Table, Names], ColumnElement[bool]]]] = {
    _delete_page: _is_theirs,
    _rename_page: _is_theirs,
    _rewrite_page: _mentions,
    _empty_page: _repeat,
    _reword_page: _has_in_reasons,
}


def _text(table: Table, name: str) -> ColumnElement[str]:
    column = table.c[name]
    return cast(column, Text) if isinstance(column.type, JSON) else column


def _rewritten(row: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return the columns whose JSON names the student, with the pseudonym; JSON is a value or its text."""
    values = {}
    for name, stored in row.items():
        value = orjson.loads(stored) if isinstance(stored, str) else stored
        changed = with_pseudonym(value, names.student, names.pseudonym)
        if changed != value:
            values[name] = orjson.dumps(changed).decode() if isinstance(stored, str) else changed
    return values


def _reworded(row: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return the columns whose words have the student's id among them, without it."""
    words = {name: without_id(text, names.student) for name, text in row.items() if text}
    return {name: text for name, text in words.items() if text != row[name]}


async def tables_naming(ledger: Ledger, student: str) -> list[str]:
    """Return the tables in which a column of students has this id. Reads by pages."""
    found = []
    for name in tables_with_students():
        table = metadata.tables[name]
        columns = [table.c[column] for column in STUDENT_COLUMNS.get(name, ())]
        if columns and await _is_there(ledger, table, or_(*(one == student for one in columns))):
            found.append(name)
    return found


async def _is_there(ledger: Ledger, table: Table, condition: ColumnElement[bool]) -> bool:
    after: _Key | None = None
    while True:
        async with ledger.read() as conn:
            until = await _end_of_page(conn, table, after)
            query = select(func.count()).select_from(table)
            if await conn.scalar(query.where(condition, _between(table, after, until))):
                return True
        if until is None:
            return False
        after = until


def changed_tables(counts: Mapping[str, int]) -> Sequence[str]:
    """Return the tables in which something was changed."""
    return [name for name, count in counts.items() if count and name in metadata.tables]
