"""Count uses of templates, for their limit `uses_per_student`.

Called by quotes, redemptions and refunds. A use is a coupon on an order, locked or redeemed. The limit is
that of the template version from which a coupon was issued; uses are counted over all versions of the
template that have a limit.
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
    """Return the student's uses by template id, for templates of this wallet that have a limit.

    `freed` coupons are subtracted. A template that was never used is missing.
    """
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
    """Count these coupons as used; return those beyond their limit.

    The caller must roll back where the result is not empty: the others are counted then.
    """
    return [
        coupon
        for coupon in coupons
        if (limit := coupon.template.uses_per_student) is not None
        and not await template_uses.take(conn, student, coupon.template.id, limit)
    ]


async def count(
    conn: AsyncConnection, student: str, moved: Collection[MovedCoupon], each: int
) -> None:
    """Add `each` to the counter of every moved coupon, whatever its limit.

    +1 for coupons that are redeemed after their lock has ended, -1 for coupons that leave their order.
    """
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
