"""Count what went out of batches with a plan within the last minute.

Called by flows/access/pause_fast_batches.py each second. Reads the coupons of the last minute along their
ids, which begin with the time, and codes that were bound in it; nothing at all where no batch has a plan.
"""

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.outflow import Outflow
from server.ids import lowest_id
from server.ledger.tables import batches, coupons, stops


async def outflows(conn: AsyncConnection, since: int) -> list[Outflow]:
    """Return the batches with a plan of which coupons went out after `since` (ms).

    A batch whose claims are stopped is left out; of one that was resumed, only what went out since counts.
    """
    has_plan = select(batches.c.id).where(batches.c.max_per_minute.is_not(None)).limit(1)
    if await conn.scalar(has_plan) is None:
        return []
    first = lowest_id("cpn", since)
    made = _counted(coupons.c.id >= first, coupons.c.created_at)
    bound = _counted(and_(coupons.c.bound_at >= since, coupons.c.id < first), coupons.c.bound_at)
    counts: dict[str, Outflow] = {}
    for query in (made, bound):
        for batch_id, most, number in await conn.execute(query):
            before = counts[batch_id].went_out if batch_id in counts else 0
            counts[batch_id] = Outflow(batch_id, before + number, most)
    return list(counts.values())


def _counted(which: ColumnElement[bool], at: ColumnElement[int]) -> Select[str, int, int]:
    is_going_out = or_(
        stops.c.target.is_(None), and_(stops.c.claims.is_(False), at > stops.c.changed_at)
    )
    return (
        select(coupons.c.batch_id, batches.c.max_per_minute, func.count())
        .join(batches, batches.c.id == coupons.c.batch_id)
        .outerjoin(stops, stops.c.target == coupons.c.batch_id)
        .where(
            which,
            coupons.c.student.is_not(None),
            batches.c.max_per_minute.is_not(None),
            is_going_out,
        )
        .group_by(coupons.c.batch_id, batches.c.max_per_minute)
    )
