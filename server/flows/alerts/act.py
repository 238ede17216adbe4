"""Carry out an alert's act by the flow that does the same without an alert, and end the alert.

Called by the API for operators. If a process dies between the two, a worker ends the alert, because its fault
is gone. Of two operators who press at once, one acts: the other is refused with `in_progress`.
"""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from server.core.acts import Action
from server.core.alerts.alerts import (
    ACT_MS,
    ENDING_MS,
    NEEDS_AMOUNT,
    Alert,
    AlertAct,
    AlertKind,
)
from server.core.event_types import EventType
from server.core.events.webhooks import WebhookState
from server.core.promotions.batch_edits import BatchEdit
from server.core.promotions.campaigns import BudgetKind
from server.core.promotions.stops import StopForm, Stoppable
from server.core.refusals import Code, Refused, invalid_field
from server.flows.alerts.watch import alert_event
from server.flows.consistency.examine import ExamineForm, request_examination
from server.flows.coupons.issuing import issuances
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.events.reminders import remind_of_batch
from server.flows.events.webhooks import WebhookForm, change_webhook
from server.flows.experiments import experiments
from server.flows.promotions.budgets import raise_budget
from server.flows.promotions.edit_batch import edit_batch
from server.flows.promotions.stops import change_stop
from server.flows.stores import Stores
from server.ledger import acts, event_log
from server.ledger.alerts import alerts
from server.ledger.promotions import batches

_REASON: Final = "by an alert"
_REMIND_SECONDS: Final = 8.0  # less than an act may take; some 100,000 coupons
_BUDGETS: Final = {
    AlertKind.MONEY_USED: BudgetKind.MONEY,
    AlertKind.PIECES_USED: BudgetKind.PIECES,
}


@dataclass(frozen=True, slots=True)
class ActForm:
    """An operator's wish. `amount`: by how much a budget is raised, or how many units a batch gets."""

    act: AlertAct
    amount: int | None = None


async def act_on(
    stores: Stores, zone: ZoneInfo, alert_id: str, form: ActForm, now: int
) -> Alert | Refused:
    """Do it, and return the alert as it is then. `zone`: the school's.

    Refuses with `not_found`, `invalid_field` (an act that this alert does not have, an amount that is missing
    or makes no sense), `wrong_state` (it has ended) and `in_progress`, and with whatever the act itself is
    refused with.
    """
    async with stores.ledger.read() as conn:
        alert = await alerts.find(conn, alert_id)
    if alert is None:
        return Refused(Code.NOT_FOUND)
    fault = _fault_of(alert, form)
    if fault is not None:
        return fault
    if form.act is AlertAct.DISMISS:
        return await _dismiss(stores, alert, now)
    async with stores.ledger.begin() as conn:
        if not await alerts.begin_act(conn, alert_id, now, now + ACT_MS):
            return Refused(Code.IN_PROGRESS, "somebody else acts on it", {"retry_after_s": 1})
    refusal = await _mend(stores, zone, alert, form, now)
    async with stores.ledger.begin() as conn:
        if refusal is not None:
            await alerts.give_up_act(conn, alert_id)
            return refusal
        if form.act is AlertAct.REMIND:
            # What is wrong goes on until the students have used them.
            await alerts.dismiss(conn, alert_id, stores.actor)
            await alerts.give_up_act(conn, alert_id)
        elif await alerts.end(conn, alert_id, stores.actor, now):
            await event_log.record(conn, [alert_event(EventType.ALERT_ENDED, alert, now)])
        what: dict[str, object] = {"act": form.act.value, "about": alert.fault.subject}
        await acts.write_act(conn, stores.actor, Action.ALERT_ACTED, alert_id, now, **what)
        return await alerts.find(conn, alert_id) or Refused(Code.NOT_FOUND)


def _fault_of(alert: Alert, form: ActForm) -> Refused | None:
    if not alert.acts:
        return Refused(Code.WRONG_STATE, "it has ended", {"state": alert.state.value})
    if form.act not in alert.acts:
        return invalid_field("act", "not_of_this_alert")
    if (form.amount is None) == (form.act in NEEDS_AMOUNT):
        return invalid_field("amount", "missing" if form.amount is None else "unknown")
    return None


async def _dismiss(stores: Stores, alert: Alert, now: int) -> Alert | Refused:
    async with stores.ledger.begin() as conn:
        if not await alerts.dismiss(conn, alert.id, stores.actor):
            return Refused(Code.WRONG_STATE, "it has ended", {"state": "ended"})
        what = {"about": alert.fault.subject}
        await acts.write_act(conn, stores.actor, Action.ALERT_DISMISSED, alert.id, now, **what)
        return await alerts.find(conn, alert.id) or Refused(Code.NOT_FOUND)


async def _mend(
    stores: Stores, zone: ZoneInfo, alert: Alert, form: ActForm, now: int
) -> Refused | None:
    """Carry out the act; return its refusal."""
    subject, amount = alert.fault.subject, form.amount or 0
    made: object
    match form.act:
        case AlertAct.RAISE_BUDGET:
            kind = _BUDGETS[alert.fault.kind]
            made = await raise_budget(stores.ledger, stores.actor, subject, kind, amount, now)
        case AlertAct.TOP_UP:
            made = await _top_up(stores, subject, amount, now)
        case AlertAct.RESUME:
            resumed = StopForm(Stoppable.BATCH, subject, claims=True, use=False, reason=_REASON)
            made = await change_stop(stores.ledger, stores.desk, resumed, False, stores.actor, now)
        case AlertAct.STOP:
            parts = IssueParts(stores.ledger, stores.desk, lambda: now, zone)
            made = await issuances.stop(parts, subject, stores.actor)
        case AlertAct.REPAIR:
            wanted = ExamineForm(stores.actor, repair=True, reason=_REASON)
            made = await request_examination(stores.ledger, wanted, now)
        case AlertAct.REMIND:
            made = await _remind(stores, subject, now)
        case AlertAct.END:
            made = await experiments.end(stores.ledger, subject, stores.actor, now)
        case _:
            enabled = WebhookForm(state=WebhookState.ACTIVE)
            made = await change_webhook(
                stores.ledger, stores.actor, subject, enabled, now, allows_private=True
            )
    return made if isinstance(made, Refused) else None


async def _remind(stores: Stores, batch_id: str, now: int) -> Refused | None:
    if await remind_of_batch(stores, batch_id, now + ENDING_MS, now, _REMIND_SECONDS):
        return None
    return Refused(Code.IN_PROGRESS, "there are more: do it again", {"retry_after_s": 1})


async def _top_up(stores: Stores, batch_id: str, units: int, now: int) -> object:
    async with stores.ledger.read() as conn:
        batch = await batches.find(conn, batch_id)
    if batch is None:
        return Refused(Code.NOT_FOUND)
    changes = {"quantity": (batch.quantity or 0) + units}
    edit = BatchEdit(batch.version, changes, expected_quantity=batch.quantity)
    return await edit_batch(stores.ledger, stores.actor, batch_id, edit, now)
