"""Reads all rows that name a student, table by table: what an export contains.

Called by flows/students/export.py. The tables and columns are those that an erasure knows
(personal_columns.py), so whatever is kept of a student is in their export.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import JSON, BigInteger, Column, Table, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.instants import to_text
from server.ledger.bulk import is_among
from server.ledger.engine import Ledger
from server.ledger.students.personal_columns import STUDENT_COLUMNS
from server.ledger.tables import metadata

PAGE: Final = 500
_PARENTS_AT_ONCE: Final = 500
# Rows without a student that belong to one of theirs: (table, its column, table it belongs to).
DEPENDENTS: Final = (
    ("coupon_moves", "coupon_id", "coupons"),
    ("redemption_coupons", "redemption_id", "redemptions"),
    ("cancelled_locks", "redemption_id", "redemptions"),
    ("refunds", "redemption_id", "redemptions"),
    ("refunded_lines", "redemption_id", "redemptions"),
)
# What only we need: who works on a row, and copies of what stands beside it.
_INTERNAL: Final = frozenset(
    {
        *("lease_until", "untold_since", "moves", "shard", "name_key", "once", "cap_key"),
        *("allotment_first", "allotment_last", "body_hash", "attempts", "desk_epoch"),
    }
)
_ENDS_OF_TIMES: Final = ("_at", "_until", "_from", "_before")
_TIMES: Final = frozenset({"at", "until", "first_seen", "last_seen", "not_before"})

Rows = Sequence[Mapping[str, object]]


async def pages_of(ledger: Ledger, student: str) -> AsyncIterator[tuple[str, Rows]]:
    """Yield (table, rows) for all rows that name the student, a page at a time, each a read of its own."""
    ids: dict[str, list[str]] = {parent: [] for _, _, parent in DEPENDENTS}
    for name in [str(t.name) for t in metadata.sorted_tables if t.name in STUDENT_COLUMNS]:
        async for page in _pages_of_table(ledger, metadata.tables[name], student):
            if name in ids:
                ids[name] += [str(row["id"]) for row in page]
            yield name, page
    for name, column, parent in DEPENDENTS:
        table = metadata.tables[name]
        for start in range(0, len(ids[parent]), _PARENTS_AT_ONCE):
            some = ids[parent][start : start + _PARENTS_AT_ONCE]
            async with ledger.read() as conn:
                yield name, await _rows_of_parents(conn, table, table.c[column], some)


async def _pages_of_table(ledger: Ledger, table: Table, student: str) -> AsyncIterator[Rows]:
    key = list(table.primary_key.columns)
    theirs = or_(*(table.c[name] == student for name in STUDENT_COLUMNS[table.name]))
    query, after = select(table).where(theirs).order_by(*key).limit(PAGE), None
    while True:
        page = query if after is None else query.where(tuple_(*key) > tuple_(*after))
        async with ledger.read() as conn:
            found = (await conn.execute(page)).all()
        if found:
            after = [found[-1]._mapping[column] for column in key]
            yield [_shown(table, row._mapping) for row in found]
        if len(found) < PAGE:
            return


async def _rows_of_parents(
    conn: AsyncConnection, table: Table, column: Column[str], parents: Sequence[str]
) -> Rows:
    found = await conn.execute(select(table).where(is_among(conn, column, parents)))
    return [_shown(table, row._mapping) for row in found]


def _shown(table: Table, row: Mapping[Any, Any]) -> dict[str, object]:
    """Return a row as people and programs read it: instants as text, JSON as JSON, nothing internal."""
    return {
        str(column.name): _value(column, row[column])
        for column in table.columns
        if column.name not in _INTERNAL
    }


def _value(column: Column[Any], value: Any) -> object:
    if value is None:
        return None
    name = column.name
    is_time = name in _TIMES or name.endswith(_ENDS_OF_TIMES)
    if isinstance(column.type, BigInteger) and is_time:
        return to_text(value)
    if name in ("data", "value") and isinstance(value, str) and not isinstance(column.type, JSON):
        return _json_or_text(value)
    return value


def _json_or_text(value: str) -> object:
    try:
        parsed: object = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return parsed
