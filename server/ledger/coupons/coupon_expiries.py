"""Coupons whose use window has ended, marked once the school was told.

Called by flows/coupons/expire_coupons.py inside its transaction. Being expired is no move: the row stays
`usable` (core/coupons/coupon_states.py).
"""

from sqlalchemy import Select, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupon_events import ChangedCoupon
from server.core.coupons.coupons import CouponState
from server.ledger.tables import coupons


async def has_untold_expiry(conn: AsyncConnection, now: int) -> bool:
    """Return whether the window of a usable coupon is over and the school has not heard of it."""
    return (await conn.execute(_untold_expiry(now).limit(1))).first() is not None


async def take_expired(
    conn: AsyncConnection, now: int, limit: int
) -> list[tuple[ChangedCoupon, int]]:
    """Mark expired coupons of students as told, and return them with the end of their window (ms). Skips rows
    that another transaction has locked."""
    due = _untold_expiry(now).order_by(coupons.c.valid_until).limit(limit)
    taken = await conn.execute(
        update(coupons)
        .where(coupons.c.id.in_(due.with_for_update(skip_locked=True)))
        .values(expiry_told_at=now)
        .returning(*(coupons.c[name] for name in ChangedCoupon._fields), coupons.c.valid_until)
    )
    return [(ChangedCoupon._make(row[:-1]), row[-1]) for row in taken]


def _untold_expiry(now: int) -> Select[tuple[str]]:
    # A literal and not a parameter: else PostgreSQL does not use the partial index on valid_until.
    usable = literal(CouponState.USABLE.value, literal_execute=True)
    return select(coupons.c.id).where(
        coupons.c.state == usable,
        coupons.c.student.is_not(None),
        coupons.c.expiry_told_at.is_(None),
        coupons.c.valid_until <= now,
    )
