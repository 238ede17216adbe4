"""Create batches: a number of coupons of one template, for certain rooms.

Called by the API for operators; it reads batches straight from the ledger.
"""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.checkout.quoting.discounts import greatest_discount
from server.core.ids import BatchId
from server.core.promotions import batch_rules
from server.core.promotions import campaigns as campaign_rules
from server.core.promotions.batches import Batch, BatchForm, ClaimWindow
from server.core.promotions.campaigns import Campaign
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import refused
from server.desk.keys import shard_of
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.flows.promotions.price_rules import Override, check_batch, note_override
from server.ids import new_id
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches, campaigns, templates


@returns_refusal
async def create_batch(
    ledger: Ledger,
    actor: str,
    form: BatchForm,
    key: IdempotencyKey | None,
    now: int,
    override: str | None = None,
) -> Batch | Refused:
    """Create a batch of the template's current version, which it keeps. The same `key` creates one batch, and
    a repeated request gets it as it is now.

    Refuses with `invalid_field`, also for an unknown template or campaign, or one it does not fit, and with
    `price_rule`, unless `override` says why not.
    """
    broken = batch_rules.violations(form)
    if broken:
        return refused(broken)
    batch_id = new_id("bat")
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, batch_id, now)
        if earlier is not None:
            return await batches.find(conn, earlier) or Refused(Code.NOT_FOUND)
        template = await templates.find(conn, form.template_id)
        if template is None:
            raise Abort(invalid_field("template_id", "unknown"))
        campaign = await _campaign_of(conn, form, template)
        batch = _batch(batch_id, form, template, campaign, actor, now)
        why = Override(actor, override)
        broken_rule = await check_batch(conn, batch, template, why, now)
        await batches.insert_batch(conn, batch)
        await note_override(conn, batch_id, broken_rule, why, now)
        await acts.write_act(conn, actor, Action.BATCH_MADE, batch_id, now, quantity=batch.quantity)
    return batch


async def _campaign_of(
    conn: AsyncConnection, form: BatchForm, template: Template
) -> Campaign | None:
    """Return the batch's campaign, or None; Abort(invalid_field) where the batch does not fit it."""
    if form.campaign_id is None:
        return None
    campaign = await campaigns.find(conn, form.campaign_id, for_share=True)
    if campaign is None:
        raise Abort(invalid_field("campaign_id", "unknown"))
    greatest = greatest_discount(template.discount)
    abort_if(campaign_rules.batch_refusal(campaign, template, greatest, form.claim_window))
    return campaign


def _of_campaign(campaign: Campaign | None, form: BatchForm, template: Template) -> dict[str, Any]:
    """Return the fields that a batch takes from its campaign. Of these only `per_campaign` follows it."""
    if campaign is None:
        return {"claim_window": form.claim_window}
    greatest = greatest_discount(template.discount) or 0
    return {
        # Coupons can be claimed at most while the campaign lasts.
        "claim_window": form.claim_window or ClaimWindow(campaign.starts_at, campaign.ends_at),
        "per_campaign": campaign.per_student,
        "greatest_discount": greatest if campaign.budgets else None,
    }


def _batch(
    batch_id: str,
    form: BatchForm,
    template: Template,
    campaign: Campaign | None,
    actor: str,
    now: int,
) -> Batch:
    return Batch(
        id=BatchId(batch_id),
        template_id=template.id,
        template_version=template.version,
        name=form.name.strip(),
        quantity=form.quantity,
        channel=form.channel,
        per_student=form.per_student,
        per_person=form.per_person or form.per_student,
        per_device=form.per_device,
        code_prefix=form.code_prefix,
        hold_seconds=form.hold_seconds,
        campaign_id=form.campaign_id,
        rooms=form.rooms,
        conditions=form.conditions,
        max_per_minute=form.max_per_minute,
        remind_before=form.remind_before,
        # Fixed for good. All batches of a campaign are on one shard, because they share its caps.
        shard=shard_of(form.campaign_id or batch_id),
        metadata=form.metadata,
        created_by=actor,
        created_at=now,
        **_of_campaign(campaign, form, template),
    )
