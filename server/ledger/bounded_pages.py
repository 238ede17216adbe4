"""One page of a long table by cursor, however rarely the filters match.

Called by the lists of orders and of coupons. A page looks at no more than LOOKED_AT rows, so that a filter
which next to nothing matches (a coupon that is locked just now, among ten million) costs as little as one
that everything matches. Such a page may have fewer rows than asked for, or none, and still a `next`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import Kind, lowest_id

# Rows. Of half a million coupons 20,000 in a row took PostgreSQL 19 ms, 10,000 scattered ones 220 ms.
LOOKED_AT: Final = 10_000
# The time in an id and `created_at` come from clocks that may differ by as much.
_CLOCKS_DIFFER_MS: Final = 60_000

Columns = Any  # a table's or a subquery's, by name
Condition = ColumnElement[bool]


class Cursor(NamedTuple):
    """The number of rows of a page, and the id behind which it begins."""

    limit: int
    after: str | None = None


class Times(NamedTuple):
    """A span of time (ms), [since, before). None: open."""

    since: int | None = None
    before: int | None = None


class PageOfIds(NamedTuple):
    """The ids of a page, newest first. `next`: the cursor of the next page; None: this is the last one."""

    ids: Sequence[str]
    next: str | None


def made_within(columns: Columns, kind: Kind, times: Times) -> list[Condition]:
    """Return the conditions on ids that hold for every row made within `times`: a range of the index."""
    conditions = []
    if times.since is not None:
        conditions.append(columns.id >= lowest_id(kind, times.since - _CLOCKS_DIFFER_MS))
    if times.before is not None:
        conditions.append(columns.id < lowest_id(kind, times.before + _CLOCKS_DIFFER_MS))
    return conditions


def created_within(columns: Columns, times: Times) -> list[Condition]:
    """Return the conditions on `created_at`, to the millisecond."""
    conditions = []
    if times.since is not None:
        conditions.append(columns.created_at >= times.since)
    if times.before is not None:
        conditions.append(columns.created_at < times.before)
    return conditions


async def page_of_ids(
    conn: AsyncConnection,
    table: Table,
    by_index: Sequence[Condition],
    among: Callable[[Columns], Sequence[Condition]],
    cursor: Cursor,
    looked_at: int = LOOKED_AT,
) -> PageOfIds:
    """Return the next rows for which all conditions hold.

    `by_index`: those that an index with the id behind answers. `among` gets the columns of the rows that are
    looked at, and returns all others.
    """
    row_id = table.c.id
    ranged = list(by_index) if cursor.after is None else [*by_index, row_id < cursor.after]
    looked = select(table).where(*ranged).order_by(row_id.desc()).limit(looked_at).subquery()
    wanted = select(looked.c.id).where(*among(looked.c)).order_by(looked.c.id.desc())
    found = list(await conn.scalars(wanted.limit(cursor.limit + 1)))
    if len(found) > cursor.limit:
        return PageOfIds(found[: cursor.limit], found[cursor.limit - 1])
    last = _last_looked_at(row_id, ranged, looked_at)
    return PageOfIds(found, await conn.scalar(last))


def _last_looked_at(
    row_id: ColumnElement[str], ranged: Sequence[Condition], looked_at: int
) -> Select[str]:
    query = select(row_id).where(*ranged).order_by(row_id.desc())
    return query.offset(looked_at - 1).limit(1)
