"""Make triggers, change them version by version, activate and pause them.

Called by the API for operators. What they fire is in fire_triggers.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.events.triggers import Trigger, TriggerForm, TriggerState, form_violations
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.events.number_events import number_what_is_visible
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger import acts, event_log, event_positions
from server.ledger.coupons import packs
from server.ledger.engine import Ledger
from server.ledger.events import triggers as rows
from server.ledger.idempotency import IdempotencyKey
from server.ledger.promotions import batches

_ENDED: Final = Refused(Code.WRONG_STATE, "the trigger has ended", {"state": "ended"})


@returns_refusal
async def create_trigger(
    ledger: Ledger, actor: str, form: TriggerForm, key: IdempotencyKey | None, now: int
) -> Trigger | Refused:
    """Create a trigger as a draft, which does not fire yet; `invalid_field`.

    The same `key` creates one trigger, and a repeated request gets it as it is now.
    """
    _check(form)
    trigger = Trigger(
        id=new_id("trg"), version=1, state=TriggerState.DRAFT, form=form, created_at=now
    )
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, trigger.id, now)
        if earlier is not None:
            return await rows.find(conn, earlier) or Refused(Code.NOT_FOUND)
        await _check_target(conn, form)
        await rows.insert_first(conn, trigger, actor)
        await acts.write_act(conn, actor, Action.TRIGGER_MADE, trigger.id, now)
    return trigger


@returns_refusal
async def change_trigger(
    ledger: Ledger,
    *,
    actor: str,
    trigger_id: str,
    expected_version: int | None,
    changes: Mapping[str, Any],
    now: int,
) -> Trigger | Refused:
    """Write the next version with these fields of the form changed. Later events go by it.

    Refuses with `invalid_field`, `not_found`; with `wrong_state` where it has ended, or where the version is
    not the expected one (None: whichever it is).
    """
    async with ledger.begin() as conn:
        found = await _locked(conn, trigger_id)
        if expected_version not in (None, found.version):
            facts = {"version": found.version}
            raise Abort(Refused(Code.WRONG_STATE, f"it is at version {found.version}", facts))
        form = replace(found.form, **changes)
        _check(form)
        await _check_target(conn, form)
        changed = replace(found, version=found.version + 1, form=form)
        await rows.insert_next(conn, changed, actor, now)
        what = {"version": changed.version, "fields": sorted(changes)}
        await acts.write_act(conn, actor, Action.TRIGGER_CHANGED, trigger_id, now, **what)
    return changed


@returns_refusal
async def activate_trigger(
    ledger: Ledger, actor: str, trigger_id: str, now: int, *, catch_up: bool
) -> Trigger | Refused:
    """Let the trigger fire from now on: for events that are accepted later. Repeatable.

    `catch_up`: also for what happened while it was paused, as far as that is young enough. Refuses with
    `not_found`, and with `wrong_state` where it has ended.
    """
    async with ledger.begin() as conn:
        found = await _locked(conn, trigger_id)
        if found.state is TriggerState.ACTIVE:
            return found
        await event_positions.take(conn, rows.READER)  # so that it reads from here on
        # An event that has no number yet was accepted before.
        last = await number_what_is_visible(conn)
        activated = replace(
            found,
            state=TriggerState.ACTIVE,
            live_from=last,
            catch_up_from=found.paused_seq if catch_up else None,
            paused_seq=None,
        )
        await rows.store_progress(conn, activated)
        what = {"version": found.version, "catch_up": catch_up}
        await acts.write_act(conn, actor, Action.TRIGGER_ACTIVATED, trigger_id, now, **what)
        told = Event(EventType.TRIGGER_ACTIVATED, now, trigger_id, what)
        await event_log.record(conn, [told])
    return activated


@returns_refusal
async def pause_trigger(
    ledger: Ledger, actor: str, trigger_id: str, now: int, reason: str = ""
) -> Trigger | Refused:
    """Let the trigger fire no more until it is activated again. Repeatable. The act keeps the `reason`.

    Refuses with `not_found`, and with `wrong_state` where it was never active or has ended.
    """
    async with ledger.begin() as conn:
        found = await _locked(conn, trigger_id)
        if found.state is TriggerState.PAUSED:
            return found
        if found.state is TriggerState.DRAFT:
            raise Abort(Refused(Code.WRONG_STATE, "the trigger is a draft", {"state": "draft"}))
        position = await event_positions.position_of(conn, rows.READER)
        reached = found.live_from if position is None else position
        # What it had not caught up yet, it may still catch up later.
        seq = found.catch_up_from if found.catch_up_from is not None else reached
        paused = replace(found, state=TriggerState.PAUSED, paused_seq=seq, catch_up_from=None)
        await rows.store_progress(conn, paused)
        why: dict[str, object] = {"reason": reason} if reason else {}
        await acts.write_act(conn, actor, Action.TRIGGER_PAUSED, trigger_id, now, **why)
        told = Event(EventType.TRIGGER_PAUSED, now, trigger_id, {"version": found.version})
        await event_log.record(conn, [told])
    return paused


async def _locked(conn: AsyncConnection, trigger_id: str) -> Trigger:
    """Return the trigger, locked until the transaction ends. Abort where there is none, or it has ended."""
    found = await rows.find_for_update(conn, trigger_id)
    if found is None:
        raise Abort(Refused(Code.NOT_FOUND))
    abort_if(_ENDED if found.state is TriggerState.ENDED else None)
    return found


def _check(form: TriggerForm) -> None:
    broken = [*form_violations(form)]
    abort_if(refused(broken) if broken else None)


async def _check_target(conn: AsyncConnection, form: TriggerForm) -> None:
    """Abort where the batch or the pack does not exist."""
    if form.batch_id is not None and await batches.find(conn, form.batch_id) is None:
        raise Abort(invalid_field("then.batch_id", "unknown"))
    if form.pack_id is not None and await packs.find(conn, form.pack_id) is None:
        raise Abort(invalid_field("then.pack_id", "unknown"))
