"""Write a new drop, and the opening of a drop, in a transaction of the caller's.

Called by drop_service.py, which drives the opening after the commit: nothing here asks the desk.
"""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops import drop_rules
from server.core.drops.cues import Cue, CueKind, CueState
from server.core.drops.draw_cards import DRAW, commitment_of
from server.core.drops.drop_ends import planned_window
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import Allotment, DropState
from server.core.ids import DropId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.claims.caps import KnownUnused
from server.flows.abort import abort_if
from server.flows.drops.changes.take_units import new_window_refusal, take_units
from server.flows.drops.intents.intent_payloads import OpenPayload, new_intent
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.promotions.price_rules import Override, check_drop
from server.flows.stores import template_of
from server.ids import new_id, new_seed
from server.ledger import acts, intents
from server.ledger.drops import cues, draws, drops
from server.ledger.drops.draws import DrawRow
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent
from server.ledger.promotions import batches


@dataclass(frozen=True, slots=True)
class WrittenIntent:
    """An intent to drive now. `snapshot` is its drop where the transaction has read it anyway: it saves
    reads between the teacher's click and the students' card.
    """

    intent: Intent
    snapshot: DropSnapshot | None = None


def to_drive(intent: Intent | None) -> WrittenIntent | None:
    return WrittenIntent(intent) if intent is not None else None


async def write_new(
    conn: AsyncConnection, drop_id: str, actor: str, room: str, form: DropForm, now: int
) -> WrittenIntent | None:
    """Insert a new drop, with its opening unless it stays prepared; return the opening to drive, or None."""
    if drop_rules.waits(form):
        # Serialises creations in this room, so that two of them cannot both pass the count below.
        await drops.lock_waiting_drops(conn, room)
        abort_if(drop_rules.waiting_refusal(await drops.count_waiting(conn, room, now)))
    # The key-share lock keeps `edit_batch` from changing the batch until this transaction ends.
    batch = await batches.find(conn, form.batch_id, for_key_share=True)
    abort_if(drop_rules.batch_refusal(batch, room))
    assert batch is not None  # else batch_refusal would have refused it
    row = _row(drop_id, actor, room, form, batch, now)
    if not form.rehearsal:
        opens_at = (form.at or now) + form.opens_in_seconds * 1000
        window = planned_window(form.end, opens_at)
        await check_drop(conn, drop_id, batch, window, Override(actor, form.override), now)
    await acts.write_act(
        conn, actor, Action.DROP_MADE, drop_id, now, room=room, quantity=row.quantity
    )
    if drop_rules.is_prepared(form):
        await _insert(conn, row)
        if form.at is not None:
            await cues.append(conn, drop_id, room, Cue(CueKind.AT, form.at), now)
        return None
    template = await template_of(conn, batch)
    unused = await _take_stock(conn, batch, template, row, now)
    row = await _insert(conn, replace(row, state=DropState.OPENING))
    return await _write_opening(conn, DropSnapshot(row, batch, template, (), unused), now)


async def write_prepared_opening(
    conn: AsyncConnection, row: DropRow, actor: str, now: int
) -> WrittenIntent:
    """Take the units of a prepared drop, whose row is locked, and write its opening."""
    # A prepared drop has no stock: the batch may have less left than when it was prepared.
    # Locked as for a new drop: an edit of the batch or its campaign comes before or after the opening.
    batch = await batches.find(conn, row.batch_id, for_key_share=True)
    assert batch is not None  # a drop refers to it
    template = await template_of(conn, batch)
    unused = await _take_stock(conn, batch, template, row, now)
    await drops.mark_opening(conn, row.id)
    opening = await _write_opening(conn, DropSnapshot(row, batch, template, (), unused), now)
    await acts.write_act(conn, actor, Action.DROP_OPENED, row.id, now)
    await cues.finish(conn, row.id, CueState.FIRED, None, now)
    return opening


async def _insert(conn: AsyncConnection, row: DropRow) -> DropRow:
    """Insert the drop. A draw is committed to its seed from now on."""
    await drops.insert_drop(conn, row)
    if row.mode != DRAW:
        return row
    seed = new_seed()
    draw = DrawRow(row.id, seed.hex(), commitment_of(seed).hex())
    await draws.insert_draw(conn, draw)
    return replace(row, draw=draw)


async def _take_stock(
    conn: AsyncConnection, batch: Batch, template: Template, row: DropRow, now: int
) -> KnownUnused | None:
    abort_if(new_window_refusal(batch, template, row, now))
    if row.rehearsal:
        return None  # nothing of it counts
    return await take_units(conn, batch, row.room, row.quantity, now)


async def _write_opening(conn: AsyncConnection, snapshot: DropSnapshot, now: int) -> WrittenIntent:
    """Write the first allotment and the intent; the caller drives the intent after the commit. `snapshot` is
    the drop whose stock was taken in this transaction, still without an allotment.
    """
    row = replace(snapshot.row, state=DropState.OPENING)
    allotment = Allotment(new_id("alt"), 1, row.quantity)
    intent = new_intent(row.id, OpenPayload(), now)
    await drops.insert_allotment(conn, row.id, allotment, now)
    await intents.write(conn, intent)
    return WrittenIntent(intent, replace(snapshot, row=row, allotments=(allotment,)))


def _row(drop_id: str, actor: str, room: str, form: DropForm, batch: Batch, now: int) -> DropRow:
    return DropRow(
        id=DropId(drop_id),
        room=room,
        batch_id=batch.id,
        per_student=batch.per_student,
        shard=batch.shard,
        state=DropState.PREPARED,
        mode=form.mode,
        message=form.message,
        quantity=form.quantity,
        duration_seconds=form.end.seconds,
        opens_in_seconds=form.opens_in_seconds,
        audience=form.audience,
        task=form.task,
        metadata=form.metadata,
        created_by=actor,
        created_at=now,
        ends=form.end.by,
        ends_at=form.end.at,
        rehearsal=form.rehearsal,
        show_winners=form.show_winners,
    )
