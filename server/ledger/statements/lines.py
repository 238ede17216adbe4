"""Rows of statement lines, and where the coupons of orders came from.

Called by the flows that write and read statements. Lines are read by day and then in the order of events.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import and_, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.statements.days import COLUMNS, values
from server.core.statements.lines import CouponUse, LineKind, StatementLine
from server.ledger.bulk import is_among
from server.ledger.tables import batches, coupons, drops, statement_lines

_L = statement_lines.c
_USE = ("code", "coupon", "template", "version", "batch", "channel", "campaign", "drop")
_USE_COLUMNS = (*_USE, "room", "instructor")


class LinePosition(NamedTuple):
    """The place of a line in a statement; also the position after which a page begins."""

    date: str
    seq: int
    part: int


class PlacedLine(NamedTuple):
    """A line and its place."""

    position: LinePosition
    line: StatementLine


async def write(conn: AsyncConnection, seq: int, lines: Sequence[StatementLine]) -> None:
    """Insert the lines of one event."""
    rows = [
        {"seq": seq, "part": part, **dict(zip(COLUMNS, values(line), strict=True))}
        for part, line in enumerate(lines)
    ]
    if rows:
        await conn.execute(insert(statement_lines), rows)


async def page(
    conn: AsyncConnection, first: str, last: str, after: LinePosition | None, limit: int
) -> list[PlacedLine]:
    """Return up to `limit` lines of the days from `first` to `last`, both included, that follow `after`."""
    query = select(_L.seq, _L.part, *(_L[name] for name in COLUMNS))
    query = query.where(_L.date >= first, _L.date <= last)
    if after is not None:
        query = query.where(tuple_(_L.date, _L.seq, _L.part) > tuple_(*after))
    query = query.order_by(_L.date, _L.seq, _L.part).limit(limit)
    return [_placed(row) for row in await conn.execute(query)]


async def first_day(conn: AsyncConnection) -> str | None:
    """Return the first day that has a line."""
    found: str | None = await conn.scalar(select(func.min(_L.date)))
    return found


async def uses_of(conn: AsyncConnection, coupon_ids: Collection[str]) -> dict[str, CouponUse]:
    """Return where each of these coupons came from, by coupon id."""
    query = (
        select(
            *(coupons.c.code, coupons.c.id, coupons.c.template_id, coupons.c.template_version),
            *(coupons.c.batch_id, batches.c.channel, batches.c.campaign_id, coupons.c.drop_id),
            *(drops.c.room, drops.c.created_by),
        )
        .select_from(
            coupons.join(batches, batches.c.id == coupons.c.batch_id).outerjoin(
                drops, drops.c.id == coupons.c.drop_id
            )
        )
        .where(is_among(conn, coupons.c.id, coupon_ids))
    )
    found = [dict(zip(_USE_COLUMNS, row, strict=True)) for row in await conn.execute(query)]
    return {str(row["coupon"]): CouponUse(**row) for row in found}


class OrderSums(NamedTuple):
    """The sums of all lines of an order; minor units."""

    share: int
    paid: int
    refunded: int


async def sums_of(
    conn: AsyncConnection, first: str, last: str, after: str, limit: int
) -> dict[str, OrderSums]:
    """Return the sums by order of the lines of these days: a page of orders behind `after`, by their id."""
    query = (
        select(_L.order, func.sum(_L.share), func.sum(_L.paid), func.sum(_L.refunded))
        .where(and_(_L.date >= first, _L.date <= last, _L.order > after))
        .group_by(_L.order)
        .order_by(_L.order)
        .limit(limit)
    )
    found = await conn.execute(query)
    return {row[0]: OrderSums(int(row[1]), int(row[2]), int(row[3])) for row in found}


def _placed(row: Sequence[object]) -> PlacedLine:
    seq, part, *rest = row
    found = dict(zip(COLUMNS, rest, strict=True))
    position = LinePosition(str(found["date"]), int(str(seq)), int(str(part)))
    named = {name: found.pop(name) for name in _USE_COLUMNS}
    use = None if named["coupon"] is None else CouponUse(**named)  # type: ignore[arg-type]
    kind = LineKind(str(found.pop("kind")))
    return PlacedLine(position, StatementLine(kind=kind, use=use, **found))  # type: ignore[arg-type]
