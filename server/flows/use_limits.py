"""Use limits of templates, kept while coupons go on orders and come off them.

Called by quotes, redemptions and refunds. A limit is that of the version a coupon was issued from, and what
is counted are a student's coupons on orders, locked or redeemed, over all versions that have a limit.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons import Coupon
from server.ledger import template_uses, templates
from server.ledger.coupon_moves import Moved


async def used_up(
    conn: AsyncConnection, student: str, wallet: Collection[Coupon]
) -> frozenset[str]:
    """Ids of templates of which the student may use no more. Where versions differ, by the most generous:
    what its own version refuses is refused at the lock."""
    limits = _limits(wallet)
    if not limits:
        return frozenset()
    uses = await template_uses.of_student(conn, student, limits)
    return frozenset(each for each, limit in limits.items() if uses.get(each, 0) >= limit)


async def hold(conn: AsyncConnection, student: str, coupons: Collection[Coupon]) -> None:
    """Before the first counter of these coupons is moved, and after the coupons are held."""
    limits = _limits(coupons)
    if limits:
        await template_uses.hold(conn, student, limits)


async def take(conn: AsyncConnection, student: str, coupons: Sequence[Coupon]) -> list[Coupon]:
    """Counts them in; those for which there is no room, and then nothing of it may be kept."""
    return [
        coupon
        for coupon in coupons
        if (limit := coupon.template.uses_per_student) is not None
        and not await template_uses.take(conn, student, coupon.template.id, limit)
    ]


async def count(conn: AsyncConnection, student: str, moved: Collection[Moved], each: int) -> None:
    """`each` +1: redeemed though their lock had ended, whatever the limit; -1: off their order."""
    versions = {(one.template_id, one.template_version) for one in moved}
    found = await templates.find_all(conn, versions)
    uses = Counter(
        one.template_id
        for one in moved
        if found[one.template_id, one.template_version].uses_per_student is not None
    )
    if uses:
        await template_uses.hold(conn, student, uses)
        more = {template_id: each * number for template_id, number in uses.items()}
        await template_uses.add(conn, student, more)


def _limits(coupons: Collection[Coupon]) -> dict[str, int]:
    limits: dict[str, int] = {}
    for coupon in coupons:
        limit = coupon.template.uses_per_student
        if limit is not None:
            limits[coupon.template.id] = max(limit, limits.get(coupon.template.id, 0))
    return limits
