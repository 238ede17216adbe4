"""Edit a campaign, as far as nobody was promised something else (core/promotions/campaign_edits.py).

Called by the API for operators. What the desk counts by, the limit for each student, is copied into the
campaign's batches, and an intent tells the desk of each drop that is open; a worker carries them out. A drop
that is opened later reads the ledger. A win that is on its way keeps the limit it was won by.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core import instants
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.promotions.campaign_edits import (
    CampaignEdit,
    changed_fields,
    edited_form,
    form_of,
    refusal,
)
from server.core.promotions.campaigns import Campaign, CampaignForm, Phase
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.ids import new_id
from server.ledger import acts, event_log, intents
from server.ledger.engine import Ledger
from server.ledger.intents import Intent, IntentKind
from server.ledger.promotions import campaign_edits, campaigns

# The names that fields have outside; those of the budget are shown as one.
_SHOWN: Final = {"money": "budget", "pieces": "budget"}


@returns_refusal
async def edit_campaign(
    ledger: Ledger, actor: str, campaign_id: str, edit: CampaignEdit, now: int
) -> Campaign | Refused:
    """Change the campaign and return it as it is then. Of two edits of the same version one succeeds.

    Refuses with `not_found`, `invalid_field`, and `wrong_state` where it has ended, or, with the current
    `version`, where it has changed meanwhile.
    """
    async with ledger.begin() as conn:
        campaign = await campaign_edits.find_for_update(conn, campaign_id)
        if campaign is None:
            raise Abort(Refused(Code.NOT_FOUND))
        use = await campaign_edits.use_of(conn, campaign_id)
        abort_if(refusal(campaign, edit, use, now))
        form = edited_form(campaign, edit)
        names = changed_fields(campaign, form)
        if not names:
            return campaign
        changed = _changed(campaign, form)
        await campaign_edits.replace(conn, changed)
        if "per_student" in names:
            await _tell_desk(conn, changed, now)
        if {"money", "pieces"} & set(names):
            await campaign_edits.write_budgets(conn, campaign, form)
        await _record(conn, actor, campaign, form, now)
        return await campaigns.find(conn, campaign_id) or changed


def _changed(campaign: Campaign, form: CampaignForm) -> Campaign:
    return replace(
        campaign,
        version=campaign.version + 1,
        name=form.name.strip(),
        purpose=form.purpose.strip(),
        starts_at=form.starts_at,
        ends_at=form.ends_at,
        phases=form.phases,
        per_student=form.per_student,
        metadata=form.metadata,
    )


async def _tell_desk(conn: AsyncConnection, campaign: Campaign, now: int) -> None:
    for drop_id in await campaign_edits.copy_limit(conn, campaign):
        await intents.write(conn, Intent(new_id("int"), IntentKind.MOVE_LIMIT, drop_id, now, {}))


async def _record(
    conn: AsyncConnection, actor: str, before: Campaign, form: CampaignForm, now: int
) -> None:
    fields = sorted({_SHOWN.get(name, name) for name in changed_fields(before, form)})
    was, is_now = _shown(form_of(before)), _shown(form)
    values = {
        "before": {name: was[name] for name in fields},
        "after": {name: is_now[name] for name in fields},
    }
    what: dict[str, object] = {"version": before.version + 1, "fields": fields}
    await acts.write_act(conn, actor, Action.CAMPAIGN_CHANGED, before.id, now, **what, **values)
    told = {"name": form.name.strip(), **what}
    await event_log.record(conn, [Event(EventType.CAMPAIGN_CHANGED, now, before.id, told)])


def _shown(form: CampaignForm) -> dict[str, object]:
    """Return the fields of a campaign in the names and forms of the contract."""
    money = form.money
    return {
        "name": form.name.strip(),
        "purpose": form.purpose.strip(),
        "starts_at": instants.to_text(form.starts_at),
        "ends_at": instants.to_text(form.ends_at),
        "budget": {
            "money": money and {"amount": money.amount, "currency": money.currency},
            "pieces": form.pieces,
        },
        "phases": [_shown_phase(one) for one in form.phases],
        "per_student": form.per_student,
        "metadata": dict(form.metadata),
    }


def _shown_phase(phase: Phase) -> dict[str, str]:
    window = {
        "from": instants.to_text(phase.from_at),
        "until": instants.to_text(phase.until_at),
    }
    return {"name": phase.name, **window}
