"""The standing of coupons for their students, and which moves are not published yet.

Called by the flow that publishes moves to desk and rooms, and by the one that loads a desk. The statement
that moves a coupon also marks it as unpublished (coupon_moves.py), so that a process that dies loses no
publication.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Integer, and_, cast, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import CouponState, Standing
from server.ledger.bulk import is_among, pairs
from server.ledger.tables import coupons, drops, redemptions


async def standings(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Standing]:
    """Return the standing of each of these coupons by id."""
    found = await conn.execute(_STANDING.where(is_among(conn, coupons.c.id, ids)))
    return {row[0]: _standing(row) for row in found}


async def moved_of_claims(conn: AsyncConnection, claim_ids: Collection[str]) -> dict[str, Standing]:
    """Return the standing of these claims' coupons by claim id, without coupons that have never moved."""
    of_claims = is_among(conn, coupons.c.claim_id, claim_ids)
    found = await conn.execute(_STANDING.where(of_claims, coupons.c.moves > 0))
    return {row[1]: _standing(row) for row in found}


async def shards_of(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, int]:
    """Return the desk shard of each of these drops."""
    query = select(drops.c.id, drops.c.shard).where(is_among(conn, drops.c.id, drop_ids))
    return {row.id: row.shard for row in await conn.execute(query)}


async def unpublished(conn: AsyncConnection, before: int, limit: int) -> list[str]:
    """Return ids of coupons that moved until `before` (ms) and are not published, longest waiting first."""
    query = select(coupons.c.id).where(coupons.c.untold_since <= before)
    ordered = query.order_by(coupons.c.untold_since, coupons.c.id)
    return list(await conn.scalars(ordered.limit(limit)))


async def mark_published(conn: AsyncConnection, published: Sequence[tuple[str, int]]) -> None:
    """Mark these (coupon id, version) as published.

    A coupon that has moved since, or whose row is locked, stays unpublished: its own move publishes it. Skips
    locked rows, so that this never waits for a checkout.
    """
    rows = pairs(conn, [(coupon_id, str(version)) for coupon_id, version in published])
    is_unmoved = and_(coupons.c.id == rows.c.first, coupons.c.moves == cast(rows.c.second, Integer))
    free = select(coupons.c.id).where(is_unmoved).correlate(None)
    free = free.with_for_update(of=coupons, skip_locked=True)
    await conn.execute(update(coupons).where(coupons.c.id.in_(free)).values(untold_since=None))


_STANDING = select(
    *(coupons.c[name] for name in ("id", "claim_id", "state", "moves", "redeemed_at")),
    redemptions.c.order_id,
    redemptions.c.expires_at,
).select_from(coupons.outerjoin(redemptions, redemptions.c.id == coupons.c.redemption_id))


def _standing(row: Sequence[Any]) -> Standing:
    _, _, state, moves, redeemed_at, order_id, expires_at = row
    stands = CouponState(state)
    return Standing(
        stands,
        moves,
        order_id,
        expires_at if stands is CouponState.LOCKED else None,
        # The row of a coupon that was given back still has the time of its use.
        redeemed_at if stands is CouponState.REDEEMED else None,
    )
