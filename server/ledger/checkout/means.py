"""Reads what a student may pay an order with, in one statement: coupons and balance, and what is stopped.

Called by quotes, and by the lock of an order.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import Coupon
from server.ledger.bulk import many
from server.ledger.checkout import balances
from server.ledger.coupons import coupons
from server.ledger.promotions import stops
from server.ledger.together import Reading, read_together


@dataclass(frozen=True, slots=True)
class Means:
    """`available`: the student's coupons that are usable or locked, those that end first first. `selected`:
    those of the codes that were asked for, whatever their state. `balances`: by currency. `stopped`: the
    targets whose use is stopped.
    """

    available: list[Coupon]
    selected: list[Coupon]
    balances: dict[str, int]
    stopped: frozenset[str]


async def read_means(
    conn: AsyncConnection, student: str, codes: Collection[str], now: int, limit: int
) -> Means:
    """Return at most `limit` of the available coupons, and all selected ones."""
    asked = {"student": student, "codes": many(conn, codes), "now": now, "limit": limit}
    found = await read_together(conn, _means(conn.dialect), asked)
    available, selected = await coupons.of_rows(conn, found[0], found[1])
    return Means(available, selected, *found[2:])


async def own_for_update(
    conn: AsyncConnection, student: str, codes: Collection[str]
) -> tuple[list[Coupon], frozenset[str]]:
    """Return the student's coupons of these codes, with their rows locked until the transaction ends in the
    order of their ids, and the targets whose use is stopped.
    """
    asked = {"student": student, "codes": many(conn, codes)}
    rows, stopped = await read_together(conn, _own_for_update(conn.dialect), asked)
    (found,) = await coupons.of_rows(conn, rows)
    return found, stopped


@lru_cache(maxsize=8)
def _means(dialect: Dialect) -> tuple[Reading, ...]:
    selected = Reading(coupons.own_codes(dialect), list)
    return (coupons.AVAILABLE, selected, balances.OF_STUDENT, stops.USE_STOPPED)


@lru_cache(maxsize=8)
def _own_for_update(dialect: Dialect) -> tuple[Reading, ...]:
    return (Reading(coupons.own_codes(dialect).with_for_update(), list), stops.USE_STOPPED)
