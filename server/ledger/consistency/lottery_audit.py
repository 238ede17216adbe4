"""Compares what lotteries say was won with their spins, and the spins with coupons and with each other.

Called by flows/consistency/checks/lottery_checks.py (doctor). Spins are counted along their keys.
"""

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import (
    coupons,
    lottery_days,
    lottery_prize_days,
    lottery_prizes,
    lottery_spins,
)

_S = lottery_spins.c


@dataclass(frozen=True, slots=True)
class PrizeAudit:
    """A prize: how often its row says that it was won, its spins, and the sum of its days."""

    lottery_id: str
    place: int
    won: int
    spins: int
    on_days: int


async def mismatched_prizes(conn: AsyncConnection) -> list[PrizeAudit]:
    """Return the prizes whose counts differ; all from one snapshot. A lottery that ended has no spins after
    400 days, and is not compared.
    """
    counts = or_(_S.outcome.is_(None), _S.outcome == "won")
    won = (
        select(_S.lottery_id, _S.place, func.count().label("spins"))
        .where(counts)
        .group_by(_S.lottery_id, _S.place)
        .subquery()
    )
    has_spins = select(_S.lottery_id).distinct()
    its, days = lottery_prizes.c, lottery_prize_days.c
    on_days = (
        select(func.coalesce(func.sum(days.won), 0))
        .where(days.lottery_id == its.lottery_id, days.place == its.place)
        .scalar_subquery()
    )
    same = (won.c.lottery_id == its.lottery_id) & (won.c.place == its.place)
    query = (
        select(its.lottery_id, its.place, its.won, func.coalesce(won.c.spins, 0), on_days)
        .select_from(lottery_prizes.outerjoin(won, same))
        .where(its.lottery_id.in_(has_spins))
        .order_by(its.lottery_id, its.place)
    )
    counted = [PrizeAudit(*row[:3], int(row[3]), int(row[4])) for row in await conn.execute(query)]
    return [one for one in counted if {one.spins, one.on_days} != {one.won}]


async def wins_without_coupon(conn: AsyncConnection, limit: int) -> list[tuple[str, str]]:
    """Return the lottery and id of spins that have won a coupon that is not there."""
    its = coupons.c.id == _S.coupon_id
    query = (
        select(_S.lottery_id, _S.id)
        .select_from(lottery_spins.outerjoin(coupons, its))
        .where(_S.coupon_id.is_not(None), coupons.c.id.is_(None))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await conn.execute(query)]


async def students_with_gaps(conn: AsyncConnection, limit: int) -> list[tuple[str, str]]:
    """Return the lottery and student where the numbers of their spins are not 1, 2, 3, …"""
    query = (
        select(_S.lottery_id, _S.student)
        .where(_S.n.is_not(None))
        .group_by(_S.lottery_id, _S.student)
        .having(or_(func.max(_S.n) != func.count(), func.min(_S.n) != 1))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in await conn.execute(query)]


async def left_under_way(conn: AsyncConnection, before: int, limit: int) -> list[tuple[str, str]]:
    """Return the lottery and id of spins that have had no outcome since before `before` (ms)."""
    query = select(_S.lottery_id, _S.id).where(_S.outcome.is_(None), _S.at < before).limit(limit)
    return [(row[0], row[1]) for row in await conn.execute(query)]


@dataclass(frozen=True, slots=True)
class DrawnSpin:
    """A spin with the seed of its day, to be computed again."""

    id: str
    lottery_id: str
    student: str
    n: int
    number: int
    seed: bytes


async def newest_spins(conn: AsyncConnection, limit: int) -> list[DrawnSpin]:
    """Return the newest spins that have a number."""
    columns = (_S.id, _S.lottery_id, _S.student, _S.n, _S.number, lottery_days.c.seed)
    query = (
        select(*columns)
        .select_from(lottery_spins.join(lottery_days, lottery_days.c.day == _S.day))
        .where(_S.n.is_not(None))
        .order_by(_S.id.desc())
        .limit(limit)
    )
    return [DrawnSpin(*row[:5], bytes.fromhex(row[5])) for row in await conn.execute(query)]
