"""What came of drops: counts, money and claims, as far as they are confirmed.

Called by the flow that shows a drop (polled: every query here runs along an index), by the one that
ends it, and by the worker, which writes boards and compares with the desk.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import Select, case, func, select, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.claims import ClaimState
from server.core.coupon_states import UNIT_USES, UnitUse
from server.ledger.claims import DUPLICATE, NOTHING_LEFT
from server.ledger.tables import claims, coupons, redemption_coupons, redemptions


@dataclass(frozen=True, slots=True)
class DropResults:
    """`*_total` never fall; the others fall when a unit comes back. `held`: coupons that keep their
    unit and are not redeemed (core.coupon_states.UNIT_USES). `gmv`: paid for the orders that
    used a coupon of the drop, gross of refunds; an order that used coupons of two drops counts in
    both. `discount_total`: what the drop's own coupons took off these orders. `released`: claims whose
    hold ended unused; it never falls. `revoked`: told `won`, and nothing was left; they were never
    confirmed.
    """

    confirmed: int = 0
    confirmed_total: int = 0
    held: int = 0
    released: int = 0
    redeemed: int = 0
    redeemed_total: int = 0
    gmv: int = 0
    discount_total: int = 0
    revoked: int = 0


@dataclass(frozen=True, slots=True)
class DropClaim:
    """`confirmed_at` None: won on the desk, not in the ledger yet."""

    id: str
    student: str
    state: ClaimState
    won_at: int
    confirmed_at: int | None


async def of_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, DropResults]:
    """Of each of them, also where nothing came of it."""
    found: dict[str, dict[str, int]] = {drop_id: {} for drop_id in drop_ids}
    for query in (_claimed(drop_ids), _used(drop_ids), _paid(drop_ids), _discounted(drop_ids)):
        for row in (await conn.execute(query)).mappings():
            found[row["drop_id"]] |= _counts(row)
    return {drop_id: DropResults(**counts) for drop_id, counts in found.items()}


async def live_claims_of(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, int]:
    """Of each of them, also where there is none."""
    query = (
        select(claims.c.drop_id, func.count())
        .where(claims.c.drop_id.in_(drop_ids), claims.c.state == "live")
        .group_by(claims.c.drop_id)
    )
    counted = {row[0]: row[1] for row in await conn.execute(query)}
    return {drop_id: counted.get(drop_id, 0) for drop_id in drop_ids}


async def units_taken(conn: AsyncConnection, drop_id: str, won_total: int) -> int:
    """How many units of a drop that sells no more are somebody's. `won_total`: wins that its desk
    counted; those that are not here yet are on their way. Wins never fall and releases are only here,
    so it does not matter which of these the desk has been told.
    """
    row = (await conn.execute(_claimed([drop_id]))).mappings().first()
    counts = DropResults(**_counts(row)) if row is not None else DropResults()
    return max(counts.confirmed, won_total - counts.released)


async def claims_of(
    conn: AsyncConnection, drop_id: str, student: str | None, limit: int, after: str | None = None
) -> list[DropClaim]:
    """Newest win first, from behind the claim `after`; `student` None = everybody's."""
    query = select(claims).where(claims.c.drop_id == drop_id)
    if student is not None:
        query = query.where(claims.c.student == student)
    if after is not None:
        # Claim ids do not sort by time (ids.new_claim_stem), so the place is looked up.
        place = select(claims.c.won_at, claims.c.id).where(claims.c.id == after)
        query = query.where(tuple_(claims.c.won_at, claims.c.id) < place.scalar_subquery())
    query = query.order_by(claims.c.won_at.desc(), claims.c.id.desc()).limit(limit)
    return [_claim(row) for row in (await conn.execute(query)).mappings()]


def _claimed(drop_ids: Collection[str]) -> Select[*tuple[object, ...]]:
    live = func.sum(case((claims.c.state == "live", 1), else_=0))
    released = func.sum(case((claims.c.state == "released", 1), else_=0))
    revoked = func.sum(case((claims.c.reason == NOTHING_LEFT, 1), else_=0))
    never = func.sum(case((claims.c.reason.in_((NOTHING_LEFT, DUPLICATE)), 1), else_=0))
    return (
        select(
            claims.c.drop_id,
            live.label("confirmed"),
            (func.count() - never).label("confirmed_total"),
            released.label("released"),
            revoked.label("revoked"),
        )
        .where(claims.c.drop_id.in_(drop_ids))
        .group_by(claims.c.drop_id)
    )


def _used(drop_ids: Collection[str]) -> Select[*tuple[object, ...]]:
    held = func.sum(case((coupons.c.state.in_(_HELD), 1), else_=0))
    redeemed = func.sum(case((coupons.c.state == "redeemed", 1), else_=0))
    return (
        select(
            coupons.c.drop_id,
            held.label("held"),
            redeemed.label("redeemed"),
            func.count(coupons.c.redeemed_at).label("redeemed_total"),
        )
        .where(coupons.c.drop_id.in_(drop_ids))
        .group_by(coupons.c.drop_id)
    )


def _paid(drop_ids: Collection[str]) -> Select[*tuple[object, ...]]:
    """Each order once, however many coupons of the drop it used."""
    orders = (
        select(coupons.c.drop_id, coupons.c.redemption_id)
        .where(coupons.c.drop_id.in_(drop_ids), coupons.c.state == "redeemed")
        .distinct()
        .subquery()
    )
    return (
        select(orders.c.drop_id, func.sum(redemptions.c.payable).label("gmv"))
        .join(redemptions, redemptions.c.id == orders.c.redemption_id)
        .group_by(orders.c.drop_id)
    )


def _discounted(drop_ids: Collection[str]) -> Select[*tuple[object, ...]]:
    taken_off = func.sum(redemption_coupons.c.discount)
    is_its_order = (redemption_coupons.c.coupon_id == coupons.c.id) & (
        redemption_coupons.c.redemption_id == coupons.c.redemption_id
    )
    return (
        select(coupons.c.drop_id, taken_off.label("discount_total"))
        .join(redemption_coupons, is_its_order)
        .where(coupons.c.drop_id.in_(drop_ids), coupons.c.state == "redeemed")
        .group_by(coupons.c.drop_id)
    )


def _counts(row: RowMapping) -> dict[str, int]:
    # PostgreSQL adds up BIGINTs as NUMERIC.
    return {name: int(row[name]) for name in _NAMES if name in row}


def _claim(row: RowMapping) -> DropClaim:
    return DropClaim(
        id=row["id"],
        student=row["student"],
        state=_SHOWN_AS[row["state"]],
        won_at=row["won_at"],
        confirmed_at=row["confirmed_at"],
    )


_HELD = [state.value for state, use in UNIT_USES.items() if use is UnitUse.HELD]
_NAMES = tuple(field.name for field in fields(DropResults))
_SHOWN_AS = {
    "live": ClaimState.CONFIRMED,
    "released": ClaimState.RELEASED,
    "revoked": ClaimState.REVOKED,
}
