"""Finds claims without their coupon and coupons without their claim, in pages.

Called by flows/consistency/checks/ledger_checks.py. A page is a number of rows along an index, so that it
takes as long in an old ledger as in a new one. Only wrong rows are fetched.

All coupons are compared. Claims are compared only in drops that have more live claims than coupons: a claim
has at most one coupon, so if each coupon of a drop has its live claim and the numbers are equal, no claim is
without a coupon.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Subquery, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.claim_sources import CLAIM_SOURCES
from server.ledger.consistency.unit_audit import HELD
from server.ledger.drops.claims import IS_LIVE
from server.ledger.tables import claims, coupons

_TAKEN: Final = [*HELD, "redeemed"]
CLAIMS_BEGIN: Final = 0
COUPONS_BEGIN: Final = ""


@dataclass(frozen=True, slots=True)
class UnpairedRow:
    """A claim without its coupon, or a coupon without its claim. `is_of_claim` False: the coupon's source is
    not a claim, though it keeps a unit of a drop.
    """

    drop_id: str
    student: str | None
    claim_id: str | None
    unit: int | None
    claim_state: str | None
    coupon_id: str | None
    coupon_state: str | None
    is_of_claim: bool = True


async def claims_without_coupon(
    conn: AsyncConnection, drop_id: str, after: int, limit: int
) -> tuple[list[UnpairedRow], int | None]:
    """Check the drop's next live claims after the unit `after`.

    Return those whose coupon is missing or no longer keeps its unit, and the unit after which the next page
    begins; None after the last page.
    """
    await _stay_on_indexes(conn)
    c = claims.c
    page = select(c.drop_id, c.student, c.id, c.unit, c.state)
    page = page.where(IS_LIVE, c.drop_id == drop_id, c.unit > after).order_by(c.unit).limit(limit)
    one = page.subquery()
    query = (
        select(one, coupons.c.id, coupons.c.state)
        .outerjoin(coupons, coupons.c.claim_id == one.c.id)
        .where(or_(coupons.c.id.is_(None), coupons.c.state.not_in(_TAKEN)))
        .order_by(one.c.unit)
    )
    found = [UnpairedRow(*row) for row in await conn.execute(query)]
    last = page.with_only_columns(c.unit).offset(limit - 1).limit(1)
    return found, await conn.scalar(last)


async def coupons_without_claim(
    conn: AsyncConnection, after: str, limit: int
) -> tuple[list[UnpairedRow], str | None]:
    """Check the next coupons after the id `after`.

    Return those that keep a unit of a drop and whose claim is missing, not live or another student's, or that
    have another source; and the id after which the next page begins, None after the last page.
    """
    await _stay_on_indexes(conn)
    names = ("id", "drop_id", "student", "claim_id", "state", "source")
    page = (
        select(*(coupons.c[name] for name in names))
        .where(coupons.c.id > after)
        .order_by(coupons.c.id)
        .limit(limit)
    )
    one = page.subquery()
    query = (
        select(one.c.drop_id, one.c.student, claims.c.id, claims.c.unit, claims.c.state)
        .add_columns(one.c.id, one.c.state, one.c.source.in_(CLAIM_SOURCES))
        .outerjoin(claims, claims.c.id == one.c.claim_id)
        .where(_keeps_unit(one), or_(one.c.source.not_in(CLAIM_SOURCES), _has_no_claim(one)))
        .order_by(one.c.drop_id, one.c.id)
    )
    found = [UnpairedRow(*row) for row in await conn.execute(query)]
    last = page.with_only_columns(coupons.c.id).offset(limit - 1).limit(1)
    return found, await conn.scalar(last)


async def _stay_on_indexes(conn: AsyncConnection) -> None:
    """Make PostgreSQL use indexes until the transaction ends.

    Its planner estimates ten thousand index lookups of a page as dearer than a scan of the whole table, and
    would scan it for every page (measured: 4.5 s instead of 0.1 s).
    """
    if conn.dialect.name == "postgresql":
        names = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")
        await conn.execute(select(*(func.set_config(name, "off", True) for name in names)))


def _keeps_unit(one: Subquery) -> ColumnElement[bool]:
    return one.c.drop_id.is_not(None) & one.c.state.in_(_TAKEN)


def _has_no_claim(one: Subquery) -> ColumnElement[bool]:
    return or_(
        claims.c.id.is_(None),
        claims.c.state != "live",
        claims.c.student != one.c.student,
        claims.c.drop_id != one.c.drop_id,
    )
