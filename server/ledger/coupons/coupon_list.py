"""The list of all coupons, newest first, for the office. Reads only; called by api/coupons/coupon_list.py."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import CouponState, seen_state, use_by
from server.ledger.bounded_pages import (
    Columns,
    Condition,
    Cursor,
    Times,
    created_within,
    made_within,
    page_of_ids,
)
from server.ledger.coupons.coupons import has_state
from server.ledger.tables import batches, coupons, redemptions, template_versions


class CouponFilter(NamedTuple):
    """The coupons to list. None: all. `state`: the one that a student sees at `now` (ms). `has_student`:
    without codes that nobody has bound. `times`: of being made."""

    now: int
    student: str | None = None
    batch_id: str | None = None
    drop_id: str | None = None
    campaign_id: str | None = None
    source: str | None = None
    state: CouponState | None = None
    has_student: bool = False
    times: Times = Times()


class ListedCoupon(NamedTuple):
    """A coupon in the list. Instants are in ms. `state`: the one that its student sees. `name`: its
    template's. `order_id`: of the order that it is on."""

    id: str
    code: str
    state: CouponState
    student: str | None
    source: str
    name: str
    batch_id: str
    template_id: str
    drop_id: str | None
    issuance_id: str | None
    order_id: str | None
    valid_from: int
    valid_until: int
    use_by: int
    created_at: int
    redeemed_at: int | None


async def page_of_coupons(
    conn: AsyncConnection, wanted: CouponFilter, cursor: Cursor
) -> tuple[list[ListedCoupon], str | None]:
    """Return a page of coupons, and the cursor of the next one (ledger/bounded_pages.py)."""
    by_index = made_within(coupons.c, "cpn", wanted.times)
    # One of them: with two, the database might take the index of the wider one.
    for name in ("student", "drop_id", "batch_id"):
        value = getattr(wanted, name)
        if value is not None:
            by_index.append(coupons.c[name] == value)
            break
    ids, following = await page_of_ids(
        conn, coupons, by_index, lambda columns: _among(columns, wanted), cursor
    )
    return await coupons_of(conn, ids, wanted.now), following


async def coupons_of(conn: AsyncConnection, ids: Sequence[str], now: int) -> list[ListedCoupon]:
    """Return the coupons with these ids, newest first."""
    if not ids:
        return []
    query = (
        select(
            *(coupons.c[name] for name in _OWN),
            template_versions.c.name,
            redemptions.c.order_id,
        )
        .join(
            template_versions,
            and_(
                template_versions.c.template_id == coupons.c.template_id,
                template_versions.c.version == coupons.c.template_version,
            ),
        )
        .outerjoin(redemptions, redemptions.c.id == coupons.c.redemption_id)
        .where(coupons.c.id.in_(ids))
        .order_by(coupons.c.id.desc())
    )
    listed = []
    for row in (await conn.execute(query)).mappings():
        fields = dict(row)
        ends_at = use_by(fields["valid_until"], fields.pop("hold_until"))
        fields["state"] = seen_state(CouponState(fields["state"]), ends_at, now)
        listed.append(ListedCoupon(**fields, use_by=ends_at))
    return listed


def _among(columns: Columns, wanted: CouponFilter) -> list[Condition]:
    conditions = created_within(columns, wanted.times)
    for name in ("student", "drop_id", "batch_id", "source"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(columns[name] == value)
    if wanted.campaign_id is not None:
        of_campaign = select(batches.c.id).where(batches.c.campaign_id == wanted.campaign_id)
        conditions.append(columns.batch_id.in_(of_campaign))
    if wanted.has_student:
        conditions.append(columns.student.is_not(None))
    if wanted.state is not None:
        conditions.append(has_state(columns, wanted.state, wanted.now))
    return conditions


_OWN = (
    *("id", "code", "state", "student", "source", "batch_id", "template_id", "drop_id"),
    *("issuance_id", "valid_from", "valid_until", "hold_until", "created_at", "redeemed_at"),
)
