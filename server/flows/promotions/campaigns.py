"""Create campaigns. Called by the API for operators; it reads campaigns straight from the ledger."""

from server.core.acts import Action
from server.core.promotions import campaigns as rules
from server.core.promotions.campaigns import Budget, BudgetKind, Campaign, CampaignForm
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.desk.keys import shard_of
from server.flows.abort import returns_refusal
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import campaigns


@returns_refusal
async def create_campaign(
    ledger: Ledger, actor: str, form: CampaignForm, key: IdempotencyKey | None, now: int
) -> Campaign | Refused:
    """Create a campaign whose budgets are wholly free; `invalid_field`.

    The same `key` creates one campaign, and a repeated request gets it as it is now.
    """
    broken = rules.violations(form)
    if broken:
        return refused(broken)
    campaign = _campaign(new_id("cmp"), form, actor, now)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, campaign.id, now)
        if earlier is not None:
            return await campaigns.find(conn, earlier) or Refused(Code.NOT_FOUND)
        await campaigns.insert_campaign(conn, campaign, shard_of(campaign.id))
        await acts.write_act(conn, actor, Action.CAMPAIGN_MADE, campaign.id, now)
    return campaign


def _campaign(campaign_id: str, form: CampaignForm, actor: str, now: int) -> Campaign:
    return Campaign(
        id=campaign_id,
        name=form.name.strip(),
        purpose=form.purpose.strip(),
        starts_at=form.starts_at,
        ends_at=form.ends_at,
        phases=form.phases,
        per_student=form.per_student,
        metadata=form.metadata,
        created_by=actor,
        created_at=now,
        budgets=_budgets(form),
    )


def _budgets(form: CampaignForm) -> tuple[Budget, ...]:
    found = []
    if form.money is not None:
        amount, currency = form.money.amount, form.money.currency
        found.append(_new_budget(BudgetKind.MONEY, amount, currency))
    if form.pieces is not None:
        found.append(_new_budget(BudgetKind.PIECES, form.pieces, None))
    return tuple(found)


def _new_budget(kind: BudgetKind, amount: int, currency: str | None) -> Budget:
    return Budget(kind=kind, amount=amount, currency=currency, free=amount, exposed=0, settled=0)
