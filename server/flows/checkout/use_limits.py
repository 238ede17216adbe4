"""Use limits of templates, kept while coupons go on orders and come off them.

Called by quotes, redemptions and refunds. A limit is that of the version a coupon was issued from, and what
is counted are a student's coupons on orders, locked or redeemed, over all versions that have a limit.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import Coupon
from server.ledger.checkout import template_uses
from server.ledger.coupons.coupon_moves import MovedCoupon
from server.ledger.promotions import templates


async def count_uses(
    conn: AsyncConnection,
    student: str,
    wallet: Collection[Coupon],
    freed: Collection[Coupon] = (),
) -> Mapping[str, int]:
    """By template, of those of this wallet that have a limit, without the coupons that count as `freed`;
    what was never used is not in it."""
    limited = _limited(wallet)
    if not limited:
        return {}
    uses = Counter(await template_uses.of_student(conn, student, limited))
    uses.subtract(one.template.id for one in freed if one.template.uses_per_student is not None)
    return uses


async def lock_counters(conn: AsyncConnection, student: str, coupons: Collection[Coupon]) -> None:
    """Lock the use counters of these coupons' templates until the transaction ends.

    Lock order: after the coupons' rows, and before the first counter is moved.
    """
    limited = _limited(coupons)
    if limited:
        await template_uses.find_for_update(conn, student, limited)


async def take(conn: AsyncConnection, student: str, coupons: Sequence[Coupon]) -> list[Coupon]:
    """Counts them in; those for which there is no room, and then nothing of it may be kept."""
    return [
        coupon
        for coupon in coupons
        if (limit := coupon.template.uses_per_student) is not None
        and not await template_uses.take(conn, student, coupon.template.id, limit)
    ]


async def count(
    conn: AsyncConnection, student: str, moved: Collection[MovedCoupon], each: int
) -> None:
    """`each` +1: redeemed though their lock had ended, whatever the limit; -1: off their order."""
    versions = {(one.template_id, one.template_version) for one in moved}
    found = await templates.find_all(conn, versions)
    uses = Counter(
        one.template_id
        for one in moved
        if found[one.template_id, one.template_version].uses_per_student is not None
    )
    if uses:
        await template_uses.find_for_update(conn, student, uses)
        more = {template_id: each * number for template_id, number in uses.items()}
        await template_uses.add(conn, student, more)


def _limited(coupons: Collection[Coupon]) -> set[str]:
    return {one.template.id for one in coupons if one.template.uses_per_student is not None}
