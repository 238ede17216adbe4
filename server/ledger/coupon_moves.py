"""The history of each coupon: a row for every move, never changed (tables.py).

Written by coupons.py with the move itself; read for an order's and a coupon's record. What a claim made is
not a move: when it was claimed says the claim.
"""

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupon_states import CouponEvent, CouponMove
from server.core.coupons import CouponState
from server.ledger.tables import coupon_moves


async def write(conn: AsyncConnection, ids: Sequence[str], move: CouponMove) -> None:
    """The same move of all these coupons."""
    if ids:
        row = {
            "at": move.at,
            "event": move.event.value,
            "target": move.target.value,
            "redemption_id": move.redemption_id,
        }
        await conn.execute(insert(coupon_moves), [{"coupon_id": each, **row} for each in ids])


async def of_coupon(conn: AsyncConnection, coupon_id: str) -> list[CouponMove]:
    """Oldest first."""
    query = select(coupon_moves).where(coupon_moves.c.coupon_id == coupon_id)
    found = await conn.execute(query.order_by(coupon_moves.c.number))
    return [
        CouponMove(row.at, CouponEvent(row.event), CouponState(row.target), row.redemption_id)
        for row in found
    ]
