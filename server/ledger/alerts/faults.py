"""Read from the rows of other subjects what is wrong now. Called by flows/alerts; changes nothing."""

from typing import Final

from sqlalchemy import ScalarSelect, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.alerts.alerts import (
    STUCK_MS,
    AlertKind,
    Fault,
    batch_level,
    budget_level,
    issuance_level,
    webhook_level,
)
from server.core.events.webhooks import WebhookState
from server.core.promotions.campaigns import BudgetKind
from server.ledger.tables import (
    batches,
    campaign_budgets,
    campaigns,
    claims,
    drops,
    issuances,
    stops,
    webhooks,
)

# A batch that is older and has no units left has done its work.
_BATCH_MS: Final = 30 * 86_400_000
# Of each kind, the newest: who has more to look at than this reads them in lists.
_MOST: Final = 500
_KINDS: Final = {
    BudgetKind.MONEY: AlertKind.MONEY_USED,
    BudgetKind.PIECES: AlertKind.PIECES_USED,
}


async def read_faults(conn: AsyncConnection, now: int, paused_by: str) -> list[Fault]:
    """Return everything that is wrong at `now` (ms). `paused_by`: the actor of a batch that paused itself."""
    return [
        *await _budgets(conn, now),
        *await _low_batches(conn, now),
        *await _paused_batches(conn, paused_by),
        *await _webhooks(conn),
        *await _stuck_issuances(conn, now),
    ]


async def _budgets(conn: AsyncConnection, now: int) -> list[Fault]:
    b = campaign_budgets.c
    query = (
        select(campaigns.c.id, campaigns.c.name, b.kind, b.amount, b.free, b.currency)
        .join(campaigns, campaigns.c.id == b.campaign_id)
        .where(campaigns.c.ends_at > now, (b.amount - b.free) * 100 >= b.amount * 80)
        .order_by(campaigns.c.id.desc())
        .limit(_MOST)
    )
    return [
        Fault(
            _KINDS[BudgetKind(row.kind)],
            row.id,
            level,
            row.name,
            amount=row.amount,
            left=row.free,
            currency=row.currency,
        )
        for row in await conn.execute(query)
        if (level := budget_level(row.amount, row.free)) is not None
    ]


async def _low_batches(conn: AsyncConnection, now: int) -> list[Fault]:
    b = batches.c
    query = (
        select(b.id, b.name, b.quantity, b.allotted, _in_drops().label("in_drops"))
        .where(b.created_at > now - _BATCH_MS, (b.quantity - b.allotted) * 10 <= b.quantity)
        .where(or_(b.claim_until.is_(None), b.claim_until > now), b.ended_at.is_(None))
        .order_by(b.id.desc())
        .limit(_MOST)
    )
    return [
        Fault(
            AlertKind.BATCH_LOW,
            row.id,
            level,
            row.name,
            amount=row.quantity,
            left=left,
        )
        for row in await conn.execute(query)
        for left in [row.quantity - row.allotted + int(row.in_drops)]
        if (level := batch_level(row.quantity, left)) is not None
    ]


def _in_drops() -> ScalarSelect[int]:
    """Count the units of a batch that drops which have not closed have, and that nobody has claimed.

    They are free for those who claim there, and come back when it closes. Only batches that are nearly
    empty without them are asked for.
    """
    d, c = drops.c, claims.c
    claimed = select(func.count()).where(c.drop_id == d.id, c.state == "live").correlate(drops)
    return (
        select(func.coalesce(func.sum(d.quantity - d.returned - claimed.scalar_subquery()), 0))
        .where(d.batch_id == batches.c.id, d.state.in_(["opening", "open"]))
        .correlate(batches)
        .scalar_subquery()
    )


async def _stuck_issuances(conn: AsyncConnection, now: int) -> list[Fault]:
    i = issuances.c
    is_due = (i.due_at <= now - STUCK_MS) & (i.driven_until <= now - STUCK_MS)
    query = select(
        i.id, i.reason, i.asked, i.issued, i.refused, i.held_out, i.due_at, i.driven_until
    )
    query = query.where(is_due, i.state.in_(["scheduled", "counting_down", "running"]))
    return [
        Fault(
            AlertKind.ISSUANCE_STUCK,
            row.id,
            level,
            row.reason,
            amount=row.asked,
            left=row.asked - row.issued - row.refused - row.held_out,
        )
        for row in await conn.execute(query.order_by(i.due_at).limit(_MOST))
        if (level := issuance_level(now - max(row.due_at, row.driven_until))) is not None
    ]


async def _paused_batches(conn: AsyncConnection, paused_by: str) -> list[Fault]:
    is_paused = stops.c.claims & (stops.c.changed_by == paused_by)
    query = select(batches.c.id, batches.c.name, stops.c.reason)
    query = query.join(stops, stops.c.target == batches.c.id).where(is_paused)
    return [
        Fault(AlertKind.BATCH_PAUSED, row.id, 1, row.name, reason=row.reason)
        for row in await conn.execute(query.order_by(batches.c.id.desc()).limit(_MOST))
    ]


async def _webhooks(conn: AsyncConnection) -> list[Fault]:
    w = webhooks.c
    found = await conn.execute(select(w.id, w.url, w.state, w.reason, w.failures))
    return [
        Fault(AlertKind.WEBHOOK_DOWN, row.id, level, row.url, reason=row.reason)
        for row in found
        if (level := webhook_level(WebhookState(row.state), row.failures)) is not None
    ]
