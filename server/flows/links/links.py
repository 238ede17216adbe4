"""Make links, show them, and pause, resume, prolong or end them.

Called by the API for operators. A link is a drop without a room (core/coupons/claim_sources.py): its units
are taken and its window is opened by the intents of drops, and a worker finishes what this process does not.
A change of its window is written to the ledger first; the desk then gets the newest one.
"""

import asyncio
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core import instants
from server.core.acts import Action
from server.core.coupons.claim_sources import link_room
from server.core.drops.claims import Audience
from server.core.drops.drops import Allotment, DropState, Window
from server.core.drops.invite_rule import EVERYWHERE, InviteRule
from server.core.ids import DropId
from server.core.links import links as rules
from server.core.links.links import Link, LinkForm, LinkState
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.drops.changes.take_units import take_units
from server.flows.drops.drop_service import DRIVE_SECONDS
from server.flows.drops.intents.drive_intents import drive
from server.flows.drops.intents.intent_payloads import (
    ClosePayload,
    MoveWindowPayload,
    OpenPayload,
    Payload,
    TopUpPayload,
    new_intent,
)
from server.flows.idempotency import find_previous_result
from server.flows.links import link_views
from server.flows.links.link_views import LinkView
from server.flows.stores import Stores, batch_and_template, template_of
from server.ids import new_id, new_slug
from server.ledger import acts, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.idempotency import IdempotencyKey
from server.ledger.intents import Intent
from server.ledger.links import links as rows
from server.ledger.promotions import batches


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A change of a link by an operator; None leaves it as it is. `state`: active, paused or ended. `add`:
    units that it gets more, if it has `expected_quantity` now."""

    state: LinkState | None = None
    note: str | None = None
    closes_at: int | None = None
    prompt: bool | None = None
    add: int | None = None
    expected_quantity: int | None = None

    @property
    def moves_window(self) -> bool:
        """True where the desk gets another window, or an end."""
        return self.state is not None or self.closes_at is not None


@returns_refusal
async def make_link(
    stores: Stores,
    form: LinkForm,
    key: IdempotencyKey | None,
    now: int,
    invites: InviteRule = EVERYWHERE,
) -> LinkView | Refused:
    """Make a link and open it. Refuses with not_found (the batch), invalid_field, stock_short, wrong_state,
    unavailable. The same `key` makes one link."""
    broken = rules.violations(form)
    if broken:
        return refused(broken)
    if (unwanted := invites.refusal(form.task, form.channel)) is not None:
        return unwanted
    link_id = new_id("lnk")
    intent = None
    async with stores.ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, link_id, now)
        if earlier is None:
            intent = await _write_new(conn, stores.actor, link_id, form, now)
    link_id = earlier or link_id
    if intent is None:
        intent = await _pending_opening(stores, link_id)
    return await _drive_and_show(stores, link_id, intent, now)


@returns_refusal
async def change_link(
    stores: Stores, id_or_slug: str, change: LinkChange, now: int
) -> LinkView | Refused:
    """Change the link and return it. Refuses with not_found, invalid_field, in_progress while it is being
    opened, and wrong_state for one that has ended. Repeatable.

    Units are added once: with stock_short, or with wrong_state and the `quantity` where it is not the
    expected one.
    """
    if change.add is not None and change.moves_window:
        return invalid_field("add", "conflict", "not together with state or closes_at")
    if change.add is None and change.expected_quantity is not None:
        return invalid_field("add", "missing")
    async with stores.ledger.begin() as conn:
        found = await rows.find(conn, id_or_slug)
        drop = await drops.find_for_update(conn, found.drop_id) if found is not None else None
        # Read again, under the lock of its drop.
        link = await rows.find(conn, id_or_slug)
        if link is None or drop is None:
            raise Abort(Refused(Code.NOT_FOUND))
        payload = await _write_change(conn, stores.actor, link, drop, change, now)
        if change.add is not None:
            payload = await _write_top_up(conn, stores.actor, link, drop, change, now)
        intent = new_intent(drop.id, payload, now) if payload is not None else None
        if intent is not None:
            await intents.write(conn, intent)
    return await _drive_and_show(stores, link.id, intent, now)


async def _write_change(
    conn: AsyncConnection, actor: str, link: Link, drop: DropRow, change: LinkChange, now: int
) -> Payload | None:
    """Write the change; return what the desk has to be told, None if nothing."""
    is_over = drop.state is DropState.CLOSED
    if change.state is LinkState.ENDED and is_over:
        return None
    if is_over and change.moves_window:
        raise Abort(Refused(Code.WRONG_STATE, "the link has ended"))
    if drop.state is DropState.OPENING:
        raise Abort(Refused(Code.IN_PROGRESS, "the link is being opened"))
    moved = await _moved(conn, link, change, now)
    paused = _is_paused(link, change)
    window = drop.window
    assert window is not None  # an open drop has one
    moved_ms = moved.closes_at - link.closes_at
    on_desk, begins_at = rules.desk_window(link, window, paused=paused, moved_ms=moved_ms)
    moved = replace(moved, paused_from=begins_at if paused else None)
    if moved == link and change.state is not LinkState.ENDED:
        return None
    await rows.change(conn, moved)
    await _write_act(conn, actor, link, moved, change, now)
    if change.state is LinkState.ENDED:
        return ClosePayload()
    if is_over or on_desk == window:
        return None
    await drops.move_window(conn, drop.id, on_desk)
    return MoveWindowPayload()


async def _write_top_up(
    conn: AsyncConnection, actor: str, link: Link, drop: DropRow, change: LinkChange, now: int
) -> Payload:
    """Take the units of the batch for the link; return what the desk has to be told."""
    add = change.add or 0
    abort_if(rules.top_up_refusal(add, change.expected_quantity, drop.state, drop.quantity))
    batch, _ = await batch_and_template(conn, link.batch_id)
    await take_units(conn, batch, link_room(link.id), add, now)
    allotment = Allotment(new_id("alt"), drop.quantity + 1, drop.quantity + add)
    await drops.add_units(conn, drop, allotment, now)
    await acts.write_act(conn, actor, Action.LINK_CHANGED, link.id, now, add=add)
    return TopUpPayload(allotment.id)


def _is_paused(link: Link, change: LinkChange) -> bool:
    if change.state is None or change.state is LinkState.ENDED:
        return link.paused_from is not None
    return change.state is LinkState.PAUSED


async def _moved(conn: AsyncConnection, link: Link, change: LinkChange, now: int) -> Link:
    """Return the link with the note, the prompt and the end that were asked for."""
    moved = link if change.note is None else replace(link, note=change.note)
    moved = moved if change.prompt is None else replace(moved, prompt=change.prompt)
    if change.closes_at is None or change.closes_at == link.closes_at:
        return moved
    batch, template = await batch_and_template(conn, link.batch_id)
    abort_if(rules.end_refusal(batch, template, link.opens_at, change.closes_at, now))
    return replace(moved, closes_at=change.closes_at)


async def _write_act(
    conn: AsyncConnection, actor: str, link: Link, moved: Link, change: LinkChange, now: int
) -> None:
    detail: dict[str, object] = {}
    if change.state is not None:
        detail["state"] = change.state.value
    if moved.closes_at != link.closes_at:
        detail["closes_at"] = instants.to_text(moved.closes_at)
    if moved.note != link.note:
        detail["note"] = moved.note
    if moved.prompt != link.prompt:
        detail["prompt"] = moved.prompt
    await acts.write_act(conn, actor, Action.LINK_CHANGED, link.id, now, **detail)


async def _write_new(
    conn: AsyncConnection, actor: str, link_id: str, form: LinkForm, now: int
) -> Intent:
    """Take the units, insert the link with its drop, and return the opening to drive."""
    batch = await batches.find(conn, form.batch_id, for_key_share=True)
    abort_if(rules.batch_refusal(batch))
    assert batch is not None  # else batch_refusal would have refused it
    window = rules.window_of(form, batch, await template_of(conn, batch), now)
    if isinstance(window, Refused):
        raise Abort(window)
    await take_units(conn, batch, link_room(link_id), form.quantity, now)
    drop = _drop_of(link_id, actor, form, batch, window, now)
    await drops.insert_drop(conn, drop)
    allotment = Allotment(new_id("alt"), 1, drop.quantity)
    await drops.insert_allotment(conn, drop.id, allotment, now)
    await rows.insert_link(conn, _link_of(link_id, actor, form, drop, window, now))
    detail: dict[str, object] = {"batch_id": batch.id, "quantity": form.quantity}
    await acts.write_act(
        conn, actor, Action.LINK_MADE, link_id, now, channel=form.channel, **detail
    )
    later = window.opens_at if window.opens_at > now else None
    intent = new_intent(drop.id, OpenPayload(later), now)
    await intents.write(conn, intent)
    return intent


def _drop_of(
    link_id: str, actor: str, form: LinkForm, batch: Batch, window: Window, now: int
) -> DropRow:
    return DropRow(
        id=DropId(new_id("drp")),
        room=link_room(link_id),
        batch_id=batch.id,
        per_student=batch.per_student,
        shard=batch.shard,
        state=DropState.OPENING,
        mode="first",
        message=form.message,
        quantity=form.quantity,
        duration_seconds=max(1, (window.closes_at - window.opens_at) // 1000),
        # The intent has the moment itself.
        opens_in_seconds=-((now - window.opens_at) // 1000),
        audience=Audience(),
        metadata={},
        task=form.task,
        created_by=actor,
        created_at=now,
    )


def _link_of(
    link_id: str, actor: str, form: LinkForm, drop: DropRow, window: Window, now: int
) -> Link:
    return Link(
        id=link_id,
        slug=new_slug(),
        batch_id=drop.batch_id,
        drop_id=drop.id,
        channel=form.channel,
        note=form.note,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        metadata=form.metadata,
        prompt=form.prompt,
        created_by=actor,
        created_at=now,
    )


async def _pending_opening(stores: Stores, link_id: str) -> Intent | None:
    async with stores.ledger.read() as conn:
        link = await rows.find(conn, link_id)
        pending = await intents.pending_of(conn, link.drop_id) if link is not None else []
    return next((one for one in pending if one.kind is intents.IntentKind.OPEN), None)


async def _drive_and_show(
    stores: Stores, link_id: str, intent: Intent | None, now: int
) -> LinkView | Refused:
    if intent is not None:
        seconds = DRIVE_SECONDS - (now - intent.created_at) / 1000
        try:
            async with asyncio.timeout(seconds):
                done = await drive(stores, intent, now)
                abort_if(done if isinstance(done, Refused) else None)
        except TimeoutError:
            return Refused(Code.UNAVAILABLE, "it took too long; it is being finished")
    return await link_views.show_link(stores, link_id)
