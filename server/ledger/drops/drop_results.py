"""Counts the results of drops: claims, coupons and money, as far as they are confirmed.

Called by the flow that shows a drop, by the one that ends it, and by the worker, which writes live counts and
compares with the desk. Callers poll: every query must run along an index.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Select, bindparam, func, select, tuple_
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupon_states import UNIT_USES, UnitUse
from server.core.drops.claims import ClaimState
from server.core.ids import ClaimId, StudentId
from server.ledger.drops.claims import IS_LIVE, REASON_DUPLICATE, REASON_NOTHING_LEFT
from server.ledger.tables import claims, coupons, redemption_coupons, redemptions
from server.ledger.together import Reading, Rows, read_together


@dataclass(frozen=True, slots=True)
class DropResults:
    """The results of one drop. `*_total` and `released` never fall; the others fall when a unit is released.

    `held` counts coupons that keep their unit and are not redeemed (core/coupons/coupon_states.UNIT_USES).
    `gmv` is what was paid for orders that used a coupon of the drop, gross of refunds; an order with coupons
    of two drops counts in both. `discount_total` is what the drop's coupons took off these orders. Both are
    in minor units. `released` counts claims whose hold ended unused. `revoked` counts claims that were told
    `won` although no unit was left; they were never confirmed.
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
    """A claim as lists show it. `confirmed_at` is None if it is on the desk and not in the ledger yet."""

    id: ClaimId
    student: StudentId
    state: ClaimState
    won_at: int
    confirmed_at: int | None


async def of_drops(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, DropResults]:
    """Return the results of each of these drops."""
    counts = await read_together(conn, COUNTS, {"drop_ids": list(drop_ids)})
    return await with_sums(conn, drop_ids, counts)


async def with_sums(
    conn: AsyncConnection, drop_ids: Collection[str], counts: Sequence["_Counts"]
) -> dict[str, DropResults]:
    """Return the results of each of these drops, from the results of COUNTS."""
    of_claims, of_coupons = counts
    found = {drop_id: _results(of_claims[drop_id], of_coupons[drop_id]) for drop_id in drop_ids}
    used = [drop_id for drop_id, results in found.items() if results.redeemed]
    for query in (_paid(used), _discounted(used)) if used else ():
        for row in (await conn.execute(query)).mappings():
            # PostgreSQL's sum of BIGINTs is NUMERIC.
            sums = {name: int(row[name]) for name in _SUMS if name in row}
            found[row["drop_id"]] = replace(found[row["drop_id"]], **sums)
    return found


async def live_claims_of(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, int]:
    """Return the number of live claims of each of these drops."""
    query = (
        select(claims.c.drop_id, func.count())
        .where(claims.c.drop_id.in_(drop_ids), IS_LIVE)
        .group_by(claims.c.drop_id)
    )
    counted = {row[0]: row[1] for row in await conn.execute(query)}
    return {drop_id: counted.get(drop_id, 0) for drop_id in drop_ids}


async def units_taken(conn: AsyncConnection, drop_id: str, won_total: int) -> int:
    """Return how many units of a drop that sells no more are taken.

    `won_total` counts the wins on the desk; those that the ledger does not have yet are in the outbox. Wins
    never fall, and the ledger knows all releases, so the result does not depend on which releases the desk
    has been told.
    """
    counted = await conn.execute(_CLAIMS, {"drop_ids": [drop_id]})
    of_claims = _claims_by_drop(counted.mappings().all())[drop_id]
    results = _results(of_claims, {})
    return max(results.confirmed, won_total - results.released)


async def claims_of(
    conn: AsyncConnection, drop_id: str, student: str | None, limit: int, after: str | None = None
) -> list[DropClaim]:
    """Return a page of claims, newest win first, that begins after the claim `after`; of one student if
    `student` is given.
    """
    query = select(claims).where(claims.c.drop_id == drop_id)
    if student is not None:
        query = query.where(claims.c.student == student)
    if after is not None:
        # Claim ids do not sort by time (ids.new_claim_stem), so the position is looked up.
        position = select(claims.c.won_at, claims.c.id).where(claims.c.id == after)
        query = query.where(tuple_(claims.c.won_at, claims.c.id) < position.scalar_subquery())
    query = query.order_by(claims.c.won_at.desc(), claims.c.id.desc()).limit(limit)
    return [_claim(row) for row in (await conn.execute(query)).mappings()]


def _claims_by_drop(rows: Rows) -> "_Counts":
    """Return drop -> (state, reason) -> number of claims."""
    found: _Counts = defaultdict(dict)
    for row in rows:
        found[row["drop_id"]][row["state"], row["reason"]] = row["number"]
    return found


def _coupons_by_drop(rows: Rows) -> "_Counts":
    """Return drop -> (state, None) -> number of coupons; under _ONCE those that were ever redeemed."""
    found: _Counts = defaultdict(dict)
    for row in rows:
        of_drop = found[row["drop_id"]]
        of_drop[row["state"], None] = row["number"]
        of_drop[_ONCE] = of_drop.get(_ONCE, 0) + row["redeemed"]
    return found


def _results(of_claims: "_OfDrop", of_coupons: "_OfDrop") -> DropResults:
    def claims_where(is_meant: Callable[[str, str | None], bool]) -> int:
        return sum(count for what, count in of_claims.items() if is_meant(*what))

    return DropResults(
        confirmed=claims_where(lambda state, _: state == "live"),
        confirmed_total=claims_where(lambda _, reason: reason not in _NEVER),
        held=sum(of_coupons.get((state, None), 0) for state in _HELD),
        released=claims_where(lambda state, _: state == "released"),
        redeemed=of_coupons.get(("redeemed", None), 0),
        redeemed_total=of_coupons.get(_ONCE, 0),
        revoked=claims_where(lambda _, reason: reason == REASON_NOTHING_LEFT),
    )


def _paid(drop_ids: Collection[str]) -> Select[*tuple[object, ...]]:
    """Sum up what was paid: each order once, however many coupons of the drop it used."""
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


def _claim(row: RowMapping) -> DropClaim:
    return DropClaim(
        id=row["id"],
        student=row["student"],
        state=_SHOWN_AS[row["state"]],
        won_at=row["won_at"],
        confirmed_at=row["confirmed_at"],
    )


_HELD = [state.value for state, use in UNIT_USES.items() if use is UnitUse.HELD]
_NEVER = (REASON_NOTHING_LEFT, REASON_DUPLICATE)  # revoked before they were ever confirmed
_SUMS = ("gmv", "discount_total")
_OfDrop = dict[tuple[str, str | None], int]
_Counts = defaultdict[str, _OfDrop]
_ONCE = ("once redeemed", None)  # no state
_SHOWN_AS = {
    "live": ClaimState.CONFIRMED,
    "released": ClaimState.RELEASED,
    "revoked": ClaimState.REVOKED,
}

# Both read an index and no row.
_OF_CLAIMS = (claims.c.drop_id, claims.c.state, claims.c.reason)
_CLAIMS = (
    select(*_OF_CLAIMS, func.count().label("number"))
    .where(claims.c.drop_id.in_(bindparam("drop_ids", expanding=True)))
    .group_by(*_OF_CLAIMS)
)
_OF_COUPONS = (coupons.c.drop_id, coupons.c.state)
_REDEEMED = func.count(coupons.c.redeemed_at).label("redeemed")
_COUPONS = (
    select(*_OF_COUPONS, func.count().label("number"), _REDEEMED)
    .where(coupons.c.drop_id.in_(bindparam("drop_ids", expanding=True)))
    .group_by(*_OF_COUPONS)
)
COUNTS = (Reading(_CLAIMS, _claims_by_drop), Reading(_COUPONS, _coupons_by_drop))
