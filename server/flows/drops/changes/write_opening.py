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
from server.core.promotions.price_rules import CourseOffer
from server.flows.abort import abort_if
from server.flows.access.instructors import refusal_of
from server.flows.drops.changes.take_units import new_window_refusal, take_allowed_units
from server.flows.drops.intents.intent_payloads import OpenPayload, new_intent
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.promotions.price_rules import DropOffer, Override, check_drop
from server.flows.promotions.stops import claims_refusal_by
from server.ids import new_id, new_seed
from server.ledger import acts, intents
from server.ledger.drops import cues, draws, drops
from server.ledger.drops.draws import DrawRow
from server.ledger.drops.drop_row import DropRow
from server.ledger.drops.opening_facts import OpeningFacts, read_opening_facts
from server.ledger.intents import Intent


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
    waits = drop_rules.waits(form)
    if waits:
        # Serialises creations in this room, so that two of them cannot both pass the count below.
        await drops.lock_waiting_drops(conn, room)
    facts = await read_opening_facts(conn, form.batch_id, actor, now)
    abort_if(refusal_of(facts.stopped))
    if waits:
        abort_if(drop_rules.waiting_refusal(await drops.count_waiting(conn, room, now)))
    batch, template = facts.batch, facts.template
    abort_if(drop_rules.batch_refusal(batch, room))
    assert batch is not None
    assert template is not None  # else batch_refusal would have refused it
    row = _row(drop_id, actor, room, form, batch, now)
    if not form.rehearsal:
        opens_at = (form.at or now) + form.opens_in_seconds * 1000
        offer = CourseOffer(planned_window(form.end, opens_at), template)
        drop = DropOffer(drop_id, batch.id, offer)
        await check_drop(conn, facts.price_rules, drop, Override(actor, form.override), now)
    await acts.write_act(
        conn, actor, Action.DROP_MADE, drop_id, now, room=room, quantity=row.quantity
    )
    if drop_rules.is_prepared(form):
        await drops.insert_drop(conn, row)
        await _with_draw(conn, row)
        if form.at is not None:
            await cues.append(conn, drop_id, room, Cue(CueKind.AT, form.at), now)
        return None
    row = replace(row, state=DropState.OPENING)
    allotment = Allotment(new_id("alt"), 1, row.quantity)
    await drops.insert_opening(conn, row, allotment, now)
    row = await _with_draw(conn, row)
    return await _open(conn, DropSnapshot(row, batch, template, (allotment,)), facts, now)


async def write_prepared_opening(
    conn: AsyncConnection, row: DropRow, actor: str, now: int
) -> WrittenIntent:
    """Take the units of a prepared drop, whose row is locked, and write its opening."""
    # A prepared drop has no stock: the batch may have less left than when it was prepared.
    # Locked as for a new drop: an edit of the batch or its campaign comes before or after the opening.
    facts = await read_opening_facts(conn, row.batch_id, actor, now)
    abort_if(refusal_of(facts.stopped))
    batch, template = facts.batch, facts.template
    assert batch is not None
    assert template is not None  # a drop refers to it
    await drops.mark_opening(conn, row.id)
    await acts.write_act(conn, actor, Action.DROP_OPENED, row.id, now)
    row = replace(row, state=DropState.OPENING)
    allotment = Allotment(new_id("alt"), 1, row.quantity)
    await drops.add_allotment_later(conn, row.id, allotment, now)
    opening = await _open(conn, DropSnapshot(row, batch, template, (allotment,)), facts, now)
    await cues.finish(conn, row.id, CueState.FIRED, None, now)
    return opening


async def _with_draw(conn: AsyncConnection, row: DropRow) -> DropRow:
    """Return the new drop with its draw, which is committed to its seed from now on."""
    if row.mode != DRAW:
        return row
    seed = new_seed()
    draw = DrawRow(row.id, seed.hex(), commitment_of(seed).hex())
    await draws.insert_draw(conn, draw)
    return replace(row, draw=draw)


async def _open(
    conn: AsyncConnection, snapshot: DropSnapshot, facts: OpeningFacts, now: int
) -> WrittenIntent:
    """Write the intent, and take the units of the first allotment; the caller drives the intent after the
    commit. The drop and the allotment wait to be written: they go along with the units.
    """
    row, batch = snapshot.row, snapshot.batch
    abort_if(new_window_refusal(batch, snapshot.template, row, now))
    intent = new_intent(row.id, OpenPayload(), now)
    await intents.write(conn, intent)
    if row.rehearsal:
        return WrittenIntent(intent, snapshot)  # nothing of it counts
    abort_if(claims_refusal_by(facts.stops, batch))
    unused = await take_allowed_units(conn, batch, row.room, row.quantity, now)
    return WrittenIntent(intent, replace(snapshot, unused=unused))


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
