"""Rows of sums: added to by the reader of events, and read by day or over days.

Called by flows/reports. Whoever adds holds the reader's position, so each event is added once. Each sum of a
day is added to that of its month, or week, in the same transaction; what is read over many days is read from
these, and from days only at both ends.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    Table,
    Text,
    cast,
    collate,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.reports.measures import EVERY_ROOM, STRATA, By
from server.core.reports.rollup import Cell
from server.core.reports.spans import Grain, divide, wider
from server.ledger.bulk import insert_into, table_of
from server.ledger.tables import report_span_sums, report_sums

_S: Final = report_sums.c
_KEY: Final = Cell._fields
_TYPES: Final = {name: String() for name in _KEY}
_SPAN_KEY: Final = tuple("span" if name == "day" else name for name in _KEY)
_ROW: Final = ("key", "course", "currency")


class Asked(NamedTuple):
    """A question: the days from `first` to `last`, both included, divided by `by`. `rooms` None: all."""

    by: By
    first: str
    last: str
    rooms: Collection[str] | None
    measures: Sequence[str]


class Place(NamedTuple):
    """The place of a row in a report, which lists the greatest first. `course` is empty where it has none."""

    key: str
    course: str
    currency: str


class Summed(NamedTuple):
    """A row of a report: its sums by measure."""

    place: Place
    sums: Mapping[str, int]


async def add(conn: AsyncConnection, sums: Mapping[Cell, int]) -> None:
    """Add to the sums. The caller holds the position of the reader, so no other adds meanwhile."""
    if not sums:
        return
    spans: Counter[Cell] = Counter()
    for cell, amount in sums.items():
        span = wider(cell)
        if span is not None:
            spans[span] += amount
    await _add(conn, report_sums, _KEY, sums)
    await _add(conn, report_span_sums, _SPAN_KEY, spans)


async def _add(
    conn: AsyncConnection, table: Table, names: Sequence[str], sums: Mapping[Cell, int]
) -> None:
    if not sums:
        return
    rows = [(*cell, amount) for cell, amount in sorted(sums.items())]
    given = table_of(conn, {**_TYPES, "sum": BigInteger()}, rows)
    # WHERE: without it SQLite takes ON CONFLICT for the condition of a join.
    query = select(*(given.c[name] for name in (*_KEY, "sum"))).where(literal(1) == 1)
    insert = insert_into(conn.dialect, table).from_select([*names, "sum"], query)
    await conn.execute(
        insert.on_conflict_do_update(
            index_elements=[column.name for column in table.primary_key.columns],
            set_={"sum": table.c.sum + insert.excluded.sum},
        )
    )


async def page(
    conn: AsyncConnection, asked: Asked, after: Place | None, limit: int
) -> list[Summed]:
    """Return up to `limit` rows behind `after`, the greatest place first."""
    if asked.by not in (By.DAY, By.HOUR):
        return await _page(conn, _over_days(asked, "value"), after, limit)
    return await _page_of_times(conn, asked, after, limit)


async def totals(conn: AsyncConnection, asked: Asked) -> list[Summed]:
    """Return the sums over all days, whatever they are divided by: a row for each currency and course. In
    each an order counts once. Their key is empty."""
    return await _rows(conn, _over_days(asked._replace(by=By.DAY), "value"), None)


async def strata(conn: AsyncConnection, first: str, last: str) -> list[Summed]:
    """Return the orders that have a course. `key`: the week, or a day of a week that is not whole."""
    asked = Asked(By.DAY, first, last, None, STRATA)
    return await _rows(conn, _over_days(asked, None, Grain.WEEK), None)


async def _page_of_times(
    conn: AsyncConnection, asked: Asked, after: Place | None, limit: int
) -> list[Summed]:
    """Read days backwards, each time more of them, until there are as many rows as were asked for: a page of
    a year of hours reads its own days."""
    key = _S.day if asked.by is By.DAY else _S.day + "T" + _S.value
    last = asked.last if after is None else min(asked.last, after.key[:10])
    found: list[Summed] = []
    days = limit // 10 + 1
    while len(found) < limit and last >= asked.first:
        first = max(asked.first, _moved(last, 1 - days))
        part = _part(report_sums, asked, key, [_S.day.between(first, last)])
        found += await _page(conn, part, after, limit - len(found))
        last, days = _moved(first, -1), days * 4
    return found


def _moved(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=by)).isoformat()


def _over_days(
    asked: Asked, key: str | None, grain: Grain = Grain.MONTH
) -> Select[*tuple[Any, ...]]:
    """Select the sums of the days; `key`: the name of the column that is the key, None: the day or span."""
    spans, edges = divide(asked.first, asked.last, grain)
    parts = []
    if edges:
        within = or_(*(_S.day.between(*edge) for edge in edges))
        parts.append(_part(report_sums, asked, _S[key or "day"], [within]))
    if spans:
        of = report_span_sums.c
        parts.append(_part(report_span_sums, asked, of[key or "span"], [of.span.in_(spans)]))
    if len(parts) == 1:
        return parts[0]
    return select(union_all(*parts).subquery("both"))


def _part(
    table: Table,
    asked: Asked,
    key: ColumnElement[str],
    within: Sequence[ColumnElement[bool]],
) -> Select[*tuple[Any, ...]]:
    of = table.c
    rooms = [EVERY_ROOM] if asked.rooms is None else list(asked.rooms)
    return select(key.label("key"), of.course, of.currency, of.measure, of.sum).where(
        of.by == asked.by.value,
        of.room.in_(rooms),
        of.measure.in_([str(one) for one in asked.measures]),
        *within,
    )


async def _page(
    conn: AsyncConnection, part: Select[*tuple[Any, ...]], after: Place | None, limit: int
) -> list[Summed]:
    found = part.subquery("found")
    order = [_by_code_point(conn, found.c[name]) for name in _ROW]
    if after is None:
        return await _rows(conn, select(found), limit)
    return await _rows(conn, select(found).where(tuple_(*order) < tuple_(*after)), limit)


async def _rows(
    conn: AsyncConnection, part: Select[*tuple[Any, ...]], limit: int | None
) -> list[Summed]:
    """Return the sums of each row, which come as one text: of a thousand rows with their 33 measures each,
    PostgreSQL and its driver add up and hand over 24,000 rows in three times the time of this."""
    found = part.subquery("part")
    of = [found.c[name] for name in _ROW]
    one = found.c.measure + " " + cast(found.c.sum, Text)
    is_postgresql = conn.dialect.name == "postgresql"
    together = func.string_agg if is_postgresql else func.group_concat
    query = select(*of, together(one, literal_column("' '"))).group_by(*of)
    query = query.order_by(*(_by_code_point(conn, each).desc() for each in of)).limit(limit)
    return [
        Summed(Place(row[0], row[1], row[2]), _added(row[3])) for row in await conn.execute(query)
    ]


def _added(text: str) -> Counter[str]:
    """Add up sums by measure, written one behind the other: those of a row's days and spans."""
    parts = text.split(" ")
    found: Counter[str] = Counter()
    for measure, amount in zip(parts[::2], parts[1::2], strict=True):
        found[measure] += int(amount)
    return found


def _by_code_point(conn: AsyncConnection, column: ColumnElement[str]) -> ColumnElement[str]:
    """Return the column in the order of code points, which is SQLite's, whatever the database's own is."""
    return collate(column, "C") if conn.dialect.name == "postgresql" else column
