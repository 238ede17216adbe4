"""The history of a coupon: the coupon, its source, when it was won and bound, and its moves. Reads only.

Called by flows/checkout/order_history.py.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupon_states import CouponMove
from server.core.coupons.coupons import Coupon
from server.ledger.coupons import coupon_moves
from server.ledger.coupons import coupons as rows
from server.ledger.tables import claims, coupons, redemptions


class CouponRecord(NamedTuple):
    """A coupon with its history. Instants are in ms.

    `won_at` is that of its claim, `bound_at` when its student typed the code. `orders` has the order ids of
    the redemptions in `moves`, by redemption id.
    """

    coupon: Coupon
    source: str
    won_at: int | None
    bound_at: int | None
    moves: tuple[CouponMove, ...]
    orders: Mapping[str, str]


async def by_codes(conn: AsyncConnection, codes: Collection[str]) -> list[CouponRecord]:
    """Return the histories of coupons with these codes (as stored), whoever they belong to."""
    found = await conn.execute(select(coupons.c.id).where(coupons.c.code.in_(codes)))
    return await by_ids(conn, list(found.scalars()))


async def by_ids(conn: AsyncConnection, ids: Collection[str]) -> list[CouponRecord]:
    """Return the histories of these coupons, in the order of their ids."""
    columns = coupons.c.id, coupons.c.source, coupons.c.bound_at, claims.c.won_at
    joined = coupons.outerjoin(claims, claims.c.id == coupons.c.claim_id)
    query = select(*columns).select_from(joined).where(coupons.c.id.in_(ids))
    facts = {row[0]: row[1:] for row in await conn.execute(query)}
    records = []
    for coupon in sorted(await rows.by_ids(conn, ids), key=lambda one: one.id):
        source, bound_at, won_at = facts[coupon.id]
        moves = tuple(await coupon_moves.of_coupon(conn, coupon.id))
        orders = await _orders(conn, {move.redemption_id for move in moves if move.redemption_id})
        records.append(CouponRecord(coupon, source, won_at, bound_at, moves, orders))
    return records


async def _orders(conn: AsyncConnection, redemption_ids: Collection[str]) -> dict[str, str]:
    if not redemption_ids:
        return {}
    query = select(redemptions.c.id, redemptions.c.order_id)
    found = await conn.execute(query.where(redemptions.c.id.in_(redemption_ids)))
    return {row[0]: row[1] for row in found}
