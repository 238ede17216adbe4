"""How coupons stand, for their students, and which moves nobody has been told of yet.

Called by flows that tell desk and rooms of a move (`flows/coupons/publish_coupons.py`) and by the one that
loads a desk. A move marks its coupon in its own statement (coupon_moves.py), so that no death of a process
loses it.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Integer, and_, cast, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import CouponState, Standing
from server.ledger.bulk import is_among, pairs
from server.ledger.tables import coupons, drops, redemptions


async def standings(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Standing]:
    """By coupon id."""
    found = await conn.execute(_STANDING.where(is_among(conn, coupons.c.id, ids)))
    return {row[0]: _standing(row) for row in found}


async def moved_of_claims(conn: AsyncConnection, claim_ids: Collection[str]) -> dict[str, Standing]:
    """By claim id; those whose coupon has never moved are left out."""
    of_claims = is_among(conn, coupons.c.claim_id, claim_ids)
    found = await conn.execute(_STANDING.where(of_claims, coupons.c.moves > 0))
    return {row[1]: _standing(row) for row in found}


async def shards_of(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, int]:
    """On which shard of the desk each of these drops is."""
    query = select(drops.c.id, drops.c.shard).where(is_among(conn, drops.c.id, drop_ids))
    return {row.id: row.shard for row in await conn.execute(query)}


async def unpublished(conn: AsyncConnection, before: int, limit: int) -> list[str]:
    """The coupons that were moved until `before` and nobody was told of, those that wait longest first."""
    query = select(coupons.c.id).where(coupons.c.untold_since <= before)
    ordered = query.order_by(coupons.c.untold_since, coupons.c.id)
    return list(await conn.scalars(ordered.limit(limit)))


async def mark_published(conn: AsyncConnection, told: Sequence[tuple[str, int]]) -> None:
    """(coupon id, version). One that has moved on since, or that somebody is just moving, stays untold:
    who moves it will tell of it, and nobody waits here for the end of a checkout."""
    rows = pairs(conn, [(coupon_id, str(version)) for coupon_id, version in told])
    is_as_told = and_(coupons.c.id == rows.c.first, coupons.c.moves == cast(rows.c.second, Integer))
    free = select(coupons.c.id).where(is_as_told).correlate(None)
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
        # Of a coupon that came back the row still says when it was used.
        redeemed_at if stands is CouponState.REDEEMED else None,
    )
