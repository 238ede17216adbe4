"""Inserts many rows in one statement, and compares a column with many values by one parameter.

Called by the other files of this package, above all by claims.py and coupons.py, which write thousands of
rows a second. SQLAlchemy compiles the SQL once, and the rows go to the driver as they are: a dict for each
row and its way through the compiler take 15 us, this takes 1 us.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Dialect,
    FromClause,
    Insert,
    String,
    Table,
    bindparam,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
_MANY = 100  # values from which `is_among` is a join


# SQLite's driver releases the GIL for each execution, and waits up to 5 ms to get it back while the event
# loop computes. Pieces of these sizes are therefore one statement each, which takes less than half of the
# time.
_PIECES = (500, 100)
_Statement = tuple[str, "itemgetter[Any]"]


async def insert_rows(
    conn: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[Row], once: str
) -> bool:
    """Insert the rows; skip a row whose value of the unique column `once` exists already.

    `names` are the columns of a row, in its order. None of them may need a conversion by SQLAlchemy, as JSON
    does. Any other conflict is an IntegrityError for all rows. True: all rows are new. False: some existed,
    or the driver does not say.
    """
    rest, written = rows, 0
    for size in _PIECES if conn.dialect.paramstyle == "qmark" else ():
        while len(rest) >= size:
            statement, order = _insert_text(conn.dialect, table, names, once, size)
            piece, rest = rest[:size], rest[size:]
            values = tuple(chain.from_iterable(map(order, piece)))
            written += (await conn.exec_driver_sql(statement, values)).rowcount
    if rest:
        statement, order = _insert_text(conn.dialect, table, names, once)
        written += (await conn.exec_driver_sql(statement, [order(row) for row in rest])).rowcount
    return written == len(rows)


@lru_cache(maxsize=64)
def _insert_text(
    dialect: Dialect, table: Table, names: tuple[str, ...], once: str, rows: int = 1
) -> _Statement:
    """Return the SQL in the driver's form, and a getter that puts a row into the order of its parameters."""
    statement = insert_unless_there(dialect, table, once)
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    text, one = str(compiled), f"({', '.join('?' * len(names))})"
    if rows > 1:
        text = text.replace(one, ", ".join([one] * rows))
    return text, itemgetter(*(names.index(name) for name in compiled.positiontup or ()))


@lru_cache(maxsize=64)
def insert_unless_there(dialect: Dialect, table: Table, once: str) -> Insert:
    """Return an INSERT that does nothing if the value of the unique column `once` exists."""
    return insert_into(dialect, table).on_conflict_do_nothing(index_elements=[once])


def insert_into(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that supports ON CONFLICT."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def pairs(conn: AsyncConnection, given: Sequence[tuple[str, str]]) -> FromClause:
    """Return the pairs as a table with the columns `first` and `second`. One or two parameters, however many
    pairs there are.
    """
    if conn.dialect.name == "postgresql":
        columns = [literal(list(one), postgresql.ARRAY(String)) for one in zip(*given, strict=True)]
        return func.unnest(*columns).table_valued("first", "second").render_derived()
    rows = func.json_each(orjson.dumps(given).decode()).table_valued("value")
    one, two = (func.json_extract(rows.c.value, f"$[{number}]") for number in (0, 1))
    return select(one.label("first"), two.label("second")).select_from(rows).subquery()


def texts(conn: AsyncConnection, given: Collection[str]) -> FromClause:
    """Return the texts as a table with the column `value`, of one parameter."""
    if conn.dialect.name == "postgresql":
        text = lines_of(given)
        if text is not None:
            array = func.unnest(func.string_to_array(text, "\n"))
        else:
            array = func.unnest(literal(list(given), postgresql.ARRAY(String)))
        return array.table_valued("value").render_derived()
    return func.json_each(orjson.dumps(list(given)).decode()).table_valued("value")


def table_of(
    conn: AsyncConnection, columns: Mapping[str, TypeEngine[Any]], rows: Sequence[Row]
) -> FromClause:
    """Return the rows as a table with these columns, for an INSERT … SELECT or a join. One parameter for each
    column, or one in all, however many rows there are. Values are texts, numbers or None.
    """
    if conn.dialect.name == "postgresql":
        lists = zip(columns.values(), zip(*rows, strict=True), strict=True)
        values = [literal(list(one), postgresql.ARRAY(kind)) for kind, one in lists]
        named = [column(name, kind) for name, kind in columns.items()]
        return func.unnest(*values).table_valued(*named).render_derived()
    each = func.json_each(orjson.dumps(rows).decode()).table_valued("value")
    parts = (
        func.json_extract(each.c.value, f"$[{n}]", type_=k) for n, k in enumerate(columns.values())
    )
    labelled = [part.label(name) for name, part in zip(columns, parts, strict=True)]
    return select(*labelled).select_from(each).subquery()


def is_among(
    conn: AsyncConnection, column: Column[str], ids: Collection[str]
) -> ColumnElement[bool]:
    """Return `column IN ids` with one parameter, however many ids there are.

    The statement is then the same each time, and the caches of SQLAlchemy and the driver find it.
    """
    if conn.dialect.name == "postgresql":
        if len(ids) >= _MANY:
            # A join: `= ANY` would compare each row that the index finds with each of them.
            return column.in_(select(texts(conn, ids).c.value))
        return column == func.any(literal(list(ids), postgresql.ARRAY(String)))
    each = func.json_each(orjson.dumps(list(ids)).decode()).table_valued("value")
    return column.in_(select(each.c.value))


def lines_of(given: Collection[str | None]) -> str | None:
    """Return texts as the lines of one text, None as an empty line: for PostgreSQL's `string_to_array`. None
    where a text is empty or has lines of its own, or there is none.

    asyncpg takes 0.6 us for each value of a list, which is a third of what an issuance costs a worker.
    """
    text = "\n".join([one or "" for one in given])
    is_plain = bool(given) and text.count("\n") == len(given) - 1 and "" not in given
    return text if is_plain else None


def among(dialect: Dialect, column: Column[str], name: str) -> ColumnElement[bool]:
    """Return `is_among` for a statement that is built once. `name` is its parameter; give it the value of
    `many`.
    """
    if dialect.name == "postgresql":
        return column == func.any(bindparam(name, type_=postgresql.ARRAY(String)))
    each = func.json_each(bindparam(name, type_=String)).table_valued("value")
    return column.in_(select(each.c.value))


def many(conn: AsyncConnection, ids: Collection[str]) -> list[str] | str:
    """Return the ids in the form that the parameter of `among` takes."""
    if conn.dialect.name == "postgresql":
        return list(ids)
    return orjson.dumps(list(ids)).decode()
