"""Compares how often each trigger says that it has fired with its firings, and these with issuances (I10).

Called by flows/consistency/checks/trigger_checks.py (doctor). Firings are counted along their key.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import trigger_days, trigger_firings, triggers


@dataclass(frozen=True, slots=True)
class TriggerAudit:
    """A trigger: what its row says that it has fired, its firings, and the sum of its days."""

    id: str
    fired: int
    firings: int
    on_days: int


async def mismatched_triggers(conn: AsyncConnection) -> list[TriggerAudit]:
    """Return the triggers whose counts differ; all from one snapshot. One that ended has no firings after 400
    days, and is not compared.
    """
    firings = (
        select(func.count()).where(trigger_firings.c.trigger_id == triggers.c.id).scalar_subquery()
    )
    on_days = (
        select(func.coalesce(func.sum(trigger_days.c.fired), 0))
        .where(trigger_days.c.trigger_id == triggers.c.id)
        .scalar_subquery()
    )
    query = select(triggers.c.id, triggers.c.fired, firings, on_days).order_by(triggers.c.id)
    counted = [
        TriggerAudit(id_, fired, int(count), int(total))
        for id_, fired, count, total in await conn.execute(query)
    ]
    return [one for one in counted if one.firings and {one.firings, one.on_days} != {one.fired}]
