"""Counts the coupons that a person of support gives on one day.

Called by flows/coupons/issuing/issuances.py.
"""

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import insert_into
from server.ledger.tables import support_days


async def take(conn: AsyncConnection, subject: str, day: str, coupons: int, most: int) -> bool:
    """Count `coupons` more on this day; False, and nothing counted, where that makes more than `most`.

    One statement, so that two requests at once cannot both take what is left.
    """
    if coupons > most:
        return False
    added = insert_into(conn.dialect, support_days)
    row = {"subject": subject, "day": day, "coupons": coupons}
    so_far = case((support_days.c.day == day, support_days.c.coupons), else_=0)
    counted = added.values(row).on_conflict_do_update(
        index_elements=["subject"],
        set_={"day": day, "coupons": so_far + coupons},
        where=so_far + coupons <= most,
    )
    return bool((await conn.execute(counted)).rowcount)


async def given(conn: AsyncConnection, subject: str, day: str) -> int:
    """Return how many this person has given on this day."""
    query = select(support_days.c.coupons)
    is_it = support_days.c.subject == subject, support_days.c.day == day
    return await conn.scalar(query.where(*is_it)) or 0
