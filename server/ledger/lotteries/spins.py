"""Spins as rows: one for each request, with its number for ever.

Called by the flows of lotteries inside their transactions, which have locked the lottery's row.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    String,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from server.core.lotteries.spins import Spin, SpinOutcome, UsedChances
from server.ledger.bulk import is_among, pairs, table_of
from server.ledger.tables import lotteries, lottery_spins

DELETED_AT_ONCE: Final = 5_000
_S = lottery_spins.c
_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": String(),
    "lottery_id": String(),
    "student": String(),
    "request_id": String(),
    "day": BigInteger(),
    "at": BigInteger(),
    "n": BigInteger(),
    "number": BigInteger(),
    "drawn": BigInteger(),
    "place": BigInteger(),
    "outcome": String(),
    "issuance_id": String(),
}
_SETTLED: Final[Mapping[str, TypeEngine[Any]]] = {
    "id": String(),
    "place": BigInteger(),
    "outcome": String(),
    "issuance_id": String(),
    "coupon_id": String(),
}


async def insert_spins(conn: AsyncConnection, spins: Sequence[Spin]) -> None:
    """Insert new spins. IntegrityError: a request or a student's number is there already."""
    if spins:
        given = table_of(conn, _COLUMNS, [_row(one, _COLUMNS) for one in spins])
        rows = select(*given.c).where(true())
        await conn.execute(insert(lottery_spins).from_select(list(_COLUMNS), rows))


async def store(conn: AsyncConnection, spins: Sequence[Spin]) -> None:
    """Write the place, outcome, issuance and coupon of spins that were under way."""
    if spins:
        given = table_of(conn, _SETTLED, [_row(one, _SETTLED) for one in spins])
        values = {name: given.c[name] for name in _SETTLED if name != "id"}
        is_mine = (_S.id == given.c.id) & _S.outcome.is_(None)
        await conn.execute(update(lottery_spins).where(is_mine).values(values))


def _row(spin: Spin, columns: Mapping[str, TypeEngine[Any]]) -> tuple[Any, ...]:
    return tuple(getattr(spin, name) for name in columns)


async def by_requests(
    conn: AsyncConnection, lottery_id: str, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Spin]:
    """Return the spins of those of these (student, request id) that have one.

    With IN and not with a join: for a join SQLite looks through all spins of the lottery.
    """
    given = pairs(conn, keys)
    is_wanted = tuple_(_S.student, _S.request_id).in_(select(given.c.first, given.c.second))
    query = select(lottery_spins).where(_S.lottery_id == lottery_id, is_wanted)
    found = [_spin(row) for row in (await conn.execute(query)).mappings()]
    return {(one.student, one.request_id): one for one in found}


async def used_by(
    conn: AsyncConnection, lottery_id: str, students: Collection[str], day: int, wins_after: int
) -> dict[str, UsedChances]:
    """Return what those of these students have used who have asked before. Wins of days after `wins_after`
    count."""
    is_win = (_S.outcome == SpinOutcome.WON.value) | (_S.outcome.is_(None) & _S.place.is_not(None))
    wins = func.sum(case((is_win & (_S.day > wins_after), 1), else_=0))
    today = func.sum(case((_S.n.is_not(None) & (_S.day == day), 1), else_=0))
    query = (
        select(_S.student, func.count(_S.n), today, func.count() - func.count(_S.n), wins)
        .where(_S.lottery_id == lottery_id, is_among(conn, _S.student, students))
        .group_by(_S.student)
    )
    return {
        row[0]: UsedChances(row[1], int(row[2]), row[3], int(row[4]))
        for row in await conn.execute(query)
    }


async def under_way(
    conn: AsyncConnection, lottery_id: str, issuance_ids: Collection[str]
) -> list[Spin]:
    """Return the spins of the lottery whose coupons are on their way by these issuances.

    The statement does not name the lottery: SQLite would look through all of its spins, and few are under
    way.
    """
    query = select(lottery_spins).where(
        _S.outcome.is_(None), is_among(conn, _S.issuance_id, issuance_ids)
    )
    rows = await conn.execute(query.order_by(_S.id))
    return [_spin(row) for row in rows.mappings() if row["lottery_id"] == lottery_id]


class LeftBehind(NamedTuple):
    """An issuance of a lottery with spins that are under way."""

    lottery_id: str
    issuance_id: str


async def left_behind(conn: AsyncConnection, before: int, limit: int) -> list[LeftBehind]:
    """Return the issuances of spins that are under way since before `before` (ms)."""
    query = (
        select(_S.lottery_id, _S.issuance_id)
        .where(_S.outcome.is_(None), _S.at < before)
        .distinct()
        .limit(limit)
    )
    return [LeftBehind._make(row) for row in await conn.execute(query)]


async def find_by_ids(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Spin]:
    query = select(lottery_spins).where(is_among(conn, _S.id, ids))
    return {row["id"]: _spin(row) for row in (await conn.execute(query)).mappings()}


class SpinFilter(NamedTuple):
    """The spins of one lottery that a list shows; None: of everybody, with any outcome."""

    lottery_id: str
    student: str | None = None
    outcome: SpinOutcome | None = None


async def page(
    conn: AsyncConnection, wanted: SpinFilter, limit: int, after: str | None
) -> list[Spin]:
    """Return a page of spins with a number, newest first, that begins after the spin `after`."""
    query = select(lottery_spins).where(_S.lottery_id == wanted.lottery_id, _S.n.is_not(None))
    if wanted.student is not None:
        query = query.where(_S.student == wanted.student)
    if wanted.outcome is not None:
        query = query.where(_S.outcome == wanted.outcome.value)
    if after is not None:
        query = query.where(_S.id < after)
    rows = await conn.execute(query.order_by(_S.id.desc()).limit(limit))
    return [_spin(row) for row in rows.mappings()]


async def delete_old(conn: AsyncConnection, before: int) -> int:
    """Delete a piece of the spins of lotteries that ended before `before` (ms); return how many."""
    ended = select(lotteries.c.id).where(lotteries.c.ended_at < before)
    some = select(_S.id).where(_S.lottery_id.in_(ended)).limit(literal(DELETED_AT_ONCE))
    return (await conn.execute(delete(lottery_spins).where(_S.id.in_(some)))).rowcount


def _spin(row: RowMapping) -> Spin:
    outcome = row["outcome"]
    return Spin(**{**row, "outcome": None if outcome is None else SpinOutcome(outcome)})
