"""Changes of campaigns as rows: locking one with what hangs on it, and writing it.

Called by flows/promotions/edit_campaign.py. Lock order: open drops, batches, the campaign, its budgets.
"""

from typing import Final

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.campaign_edits import CampaignUse
from server.core.promotions.campaigns import BudgetKind, Campaign, CampaignForm
from server.ledger.promotions import budgets
from server.ledger.promotions import campaigns as rows
from server.ledger.tables import batches, campaign_budgets, campaign_claims, campaigns, drops

_UNDER_WAY: Final = ("opening", "open")


async def find_for_update(conn: AsyncConnection, campaign_id: str) -> Campaign | None:
    """Return the campaign, and lock it, its batches and their open drops until the transaction ends.

    Meanwhile no batch joins it, none of its batches is changed, no drop of them is opened, and nothing is
    taken of its budgets.
    """
    await conn.execute(_open_drops(campaign_id).with_for_update(read=True, key_share=True))
    of_batches = select(batches.c.id).where(batches.c.campaign_id == campaign_id)
    await conn.execute(of_batches.order_by(batches.c.id).with_for_update())
    await conn.execute(select(campaigns.c.id).where(_is(campaign_id)).with_for_update())
    await budgets.lock_free(conn, [campaign_id])
    return await rows.find(conn, campaign_id)


async def use_of(conn: AsyncConnection, campaign_id: str) -> CampaignUse:
    """Return what of the campaign is bound."""
    b, c = batches.c, campaign_claims.c
    query = select(func.count(), func.min(b.claim_from), func.max(b.claim_until))
    count, claims_from, claims_until = (
        await conn.execute(query.where(b.campaign_id == campaign_id))
    ).one()
    held = await conn.scalar(select(func.max(c.slot)).where(c.campaign_id == campaign_id))
    return CampaignUse(count > 0, claims_from, claims_until, held or 0)


async def replace(conn: AsyncConnection, campaign: Campaign) -> None:
    """Overwrite the row of the campaign, which the caller has locked; its budgets stay."""
    await conn.execute(update(campaigns).where(_is(campaign.id)).values(rows.columns_of(campaign)))


async def raise_version(conn: AsyncConnection, campaign_id: str) -> None:
    """Count one more change of the campaign."""
    raised = update(campaigns).where(_is(campaign_id))
    await conn.execute(raised.values(version=campaigns.c.version + 1))


async def copy_limit(conn: AsyncConnection, campaign: Campaign) -> list[str]:
    """Copy the limit for each student into the campaign's batches, as their next version; return the ids of
    their open drops."""
    of_campaign = update(batches).where(batches.c.campaign_id == campaign.id)
    await conn.execute(
        of_campaign.values(per_campaign=campaign.per_student, version=batches.c.version + 1)
    )
    return list(await conn.scalars(_open_drops(campaign.id)))


async def write_budgets(conn: AsyncConnection, before: Campaign, form: CampaignForm) -> None:
    """Write the amounts of the budgets as the form has them; what is taken of them stays.

    The caller has the campaign locked, and has looked at its rules: a budget appears, goes or gets another
    currency only while nothing is taken of it.
    """
    money = form.money
    amounts = {
        BudgetKind.MONEY: (money.amount, money.currency) if money is not None else None,
        BudgetKind.PIECES: (form.pieces, None) if form.pieces is not None else None,
    }
    b = campaign_budgets.c
    for kind, wanted in amounts.items():
        is_it = (b.campaign_id == before.id) & (b.kind == kind.value)
        known = before.budget(kind)
        if wanted is None:
            await conn.execute(delete(campaign_budgets).where(is_it))
            continue
        amount, currency = wanted
        if known is None:
            fresh = {"campaign_id": before.id, "kind": kind.value, "currency": currency}
            whole = {"amount": amount, "free": amount}
            await conn.execute(insert(campaign_budgets).values(**fresh, **whole))
            continue
        # In terms of the row: its parts may have moved since the campaign was read.
        parts = {"amount": amount, "currency": currency, "free": b.free + amount - b.amount}
        await conn.execute(update(campaign_budgets).where(is_it).values(parts))


def _open_drops(campaign_id: str) -> Select[tuple[str]]:
    return (
        select(drops.c.id)
        .join(batches, batches.c.id == drops.c.batch_id)
        .where(batches.c.campaign_id == campaign_id, drops.c.state.in_(_UNDER_WAY))
        .order_by(drops.c.id)
    )


def _is(campaign_id: str) -> ColumnElement[bool]:
    return campaigns.c.id == campaign_id
