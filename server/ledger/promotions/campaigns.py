"""Campaigns as rows, with the parts of their budgets and the warning levels that were reached.

Called by flows/promotions/campaigns.py, flows/promotions/batches.py and, for reading, by the API.
ledger/promotions/campaign_edits.py changes them, and budgets.py moves the parts of a budget.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, Phase
from server.ledger.tables import campaign_budgets, campaign_warnings, campaigns


async def insert_campaign(conn: AsyncConnection, campaign: Campaign, shard: int) -> None:
    """Insert the campaign and its budgets, wholly free. `shard` is the desk shard of its batches."""
    await conn.execute(insert(campaigns).values(**columns_of(campaign), shard=shard))
    for budget in campaign.budgets:
        await conn.execute(
            insert(campaign_budgets).values(
                campaign_id=campaign.id,
                kind=budget.kind.value,
                amount=budget.amount,
                currency=budget.currency,
                free=budget.free,
            )
        )


def columns_of(campaign: Campaign) -> dict[str, Any]:
    """Return the campaign as the columns of its row, all but its shard."""
    phases = [
        {"name": one.name, "from": one.from_at, "until": one.until_at} for one in campaign.phases
    ]
    columns = {name: getattr(campaign, name) for name in _PLAIN}
    return columns | {"metadata": dict(campaign.metadata), "phases": phases}


async def find(
    conn: AsyncConnection, campaign_id: str, *, for_share: bool = False
) -> Campaign | None:
    """Return the campaign. `for_share` locks its row against edits until the transaction ends."""
    query = select(campaigns).where(campaigns.c.id == campaign_id)
    if for_share:
        query = query.with_for_update(read=True)
    found = await _with_budgets(conn, (await conn.execute(query)).mappings().all())
    return found[0] if found else None


async def ended_within(conn: AsyncConnection, from_at: int, until_at: int) -> list[tuple[int, str]]:
    """Return (shard, id) of campaigns that ended in [from_at, until_at)."""
    ended = campaigns.c.ends_at >= from_at, campaigns.c.ends_at < until_at
    query = select(campaigns.c.shard, campaigns.c.id).where(*ended)
    return [(shard, campaign_id) for shard, campaign_id in await conn.execute(query)]


async def page(conn: AsyncConnection, limit: int, after: str | None = None) -> list[Campaign]:
    """Return a page of campaigns, newest first, that begins after the campaign `after`."""
    query = select(campaigns).order_by(campaigns.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(campaigns.c.id < after)
    return await _with_budgets(conn, (await conn.execute(query)).mappings().all())


async def _with_budgets(conn: AsyncConnection, rows: Sequence[RowMapping]) -> list[Campaign]:
    budgets = await budgets_of(conn, [row["id"] for row in rows])
    return [_campaign(row, tuple(budgets[row["id"]])) for row in rows]


async def budgets_of(conn: AsyncConnection, ids: Collection[str]) -> dict[str, list[Budget]]:
    """Return the budgets of each of these campaigns that has any."""
    found: defaultdict[str, list[Budget]] = defaultdict(list)
    if not ids:
        return found
    warned: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    warnings = select(campaign_warnings).where(campaign_warnings.c.campaign_id.in_(ids))
    for row in (await conn.execute(warnings)).mappings():
        warned[row["campaign_id"], row["kind"]][row["level"]] = row["at"]
    query = select(campaign_budgets).where(campaign_budgets.c.campaign_id.in_(ids))
    for row in (await conn.execute(query.order_by(campaign_budgets.c.kind))).mappings():
        parts = {name: row[name] for name in ("amount", "currency", "free", "exposed", "settled")}
        levels = warned[row["campaign_id"], row["kind"]]
        found[row["campaign_id"]].append(
            Budget(kind=BudgetKind(row["kind"]), warnings=levels, **parts)
        )
    return found


def _campaign(row: RowMapping, budgets: tuple[Budget, ...]) -> Campaign:
    phases = tuple(Phase(one["name"], one["from"], one["until"]) for one in row["phases"])
    return Campaign(**{name: row[name] for name in _PLAIN}, phases=phases, budgets=budgets)


# Columns that are fields under the same name.
_PLAIN = (
    *("id", "name", "purpose", "starts_at", "ends_at", "per_student", "metadata"),
    *("created_by", "created_at", "version"),
)
