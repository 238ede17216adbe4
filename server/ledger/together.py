"""Several reads in one statement: on PostgreSQL that is one round trip instead of one for each.

Called by files of this package that read what belongs to one decision. On SQLite, where a statement is a
function call, the queries follow one another.

A row that the statement has to wait for, because it locks it, is read as it is after the wait; all other rows
are of the moment at which the statement began. Whoever locks here compares a version that both have, and
reads again where they differ: the lock is held by then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Select, func, literal_column, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

Fields = Mapping[str, Any] | RowMapping
Rows = Sequence[Fields]


@dataclass(frozen=True, slots=True)
class Reading:
    """A query that is built once, and what its rows become. Columns are texts, numbers, truth values or JSON;
    parameters of one name have one value in all readings that are made together.
    """

    query: Select[*tuple[Any, ...]]
    result: Callable[[Rows], Any]


async def read_together(
    conn: AsyncConnection, readings: tuple[Reading, ...], values: Mapping[str, object]
) -> list[Any]:
    """Return the result of each reading, in their order."""
    if conn.dialect.name == "postgresql":
        row = (await conn.execute(_in_one(readings), values)).one()
        return [one.result(rows or []) for one, rows in zip(readings, row, strict=True)]
    found = [(await conn.execute(one.query, values)).mappings().all() for one in readings]
    return [one.result(rows) for one, rows in zip(readings, found, strict=True)]


@lru_cache(maxsize=64)
def _in_one(readings: tuple[Reading, ...]) -> Select[*tuple[Any, ...]]:
    lists = [
        select(func.json_agg(literal_column("one"), type_=JSON))
        .select_from(reading.query.subquery("one"))
        .scalar_subquery()
        for reading in readings
    ]
    return select(*(one.label(f"rows_{n}") for n, one in enumerate(lists)))
