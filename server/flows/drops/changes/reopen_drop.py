"""Open a closed drop again: write the decision to the ledger.

Called by drop_service.py, which then drives the intent (put_on_desk.py). It is the same drop: who holds a
coupon of it keeps `already_won`, and all limits go on counting. Its new units come from the batch like those
of a first opening. Units that went back at the close are taken again first; only what is more makes a new
allotment, because the numbers of those units are still the drop's.
"""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drop_rules import top_up_refusal
from server.core.drops.drops import (
    MAX_DURATION_SECONDS,
    REOPENED_WITHIN_MS,
    Allotment,
    DropState,
    EndsBy,
)
from server.core.refusals import Code, Refused, invalid_field
from server.flows.abort import abort_if
from server.flows.access.instructors import instructor_refusal
from server.flows.drops.changes.take_units import new_window_refusal, take_units
from server.flows.drops.intents.intent_payloads import ReopenPayload, new_intent
from server.flows.drops.views.drop_snapshot import find_in_room_for_update
from server.flows.stores import Stores, batch_and_template
from server.ids import new_id
from server.ledger import acts, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent


@dataclass(frozen=True, slots=True)
class ReopenForm:
    """A reopening as it was asked for: `quantity` more units, until `end`. `quantity` None: those that came
    back at the close. `end` None: as before."""

    quantity: int | None
    end: DropEnd | None
    opens_in_seconds: int = 0


async def write_reopening(
    stores: Stores, drop_id: str, room: str, form: ReopenForm, now: int
) -> Intent:
    """Take the units and return the intent to drive.

    Abort: not_found; wrong_state; in_progress, while the desk has still to be told of an earlier change;
    stock_short; invalid_field; instructor_stopped.
    """
    async with stores.ledger.begin() as conn:
        abort_if(await instructor_refusal(conn, stores.actor, now))
        row = await find_in_room_for_update(conn, drop_id, room)
        abort_if(await _refusal(conn, row, now))
        units = row.returned if form.quantity is None else form.quantity
        end = form.end or row.end
        abort_if(_form_refusal(form, units, end, row))
        again = _opened_again(row, units, end, form.opens_in_seconds)
        batch, template = await batch_and_template(conn, row.batch_id)
        abort_if(new_window_refusal(batch, template, again, now))
        if not row.rehearsal:
            await take_units(conn, batch, room, units, now)
        if again.quantity > row.quantity:
            more = Allotment(new_id("alt"), row.quantity + 1, again.quantity)
            await drops.insert_allotment(conn, drop_id, more, now)
        await drops.mark_reopening(conn, again)
        intent = new_intent(drop_id, ReopenPayload(again.openings), now)
        await intents.write(conn, intent)
        await acts.write_act(conn, stores.actor, Action.DROP_REOPENED, drop_id, now, quantity=units)
    return intent


async def _refusal(conn: AsyncConnection, row: DropRow, now: int) -> Refused | None:
    if row.state is DropState.OPENING:
        return Refused(Code.IN_PROGRESS, "the drop is being opened")
    if row.state is not DropState.CLOSED:
        return Refused(Code.WRONG_STATE, f"the drop is {row.state}, and not closed")
    if row.draw is not None:
        return Refused(Code.WRONG_STATE, "a draw is drawn once")
    if row.window is None or row.closed_at is None:
        return Refused(Code.WRONG_STATE, "the drop never was open")
    if now - row.closed_at > REOPENED_WITHIN_MS:
        return Refused(Code.WRONG_STATE, "the drop was closed too long ago: make a new one")
    # The desk must not hear of an older change after this one.
    if await intents.pending_of(conn, row.id):
        return Refused(Code.IN_PROGRESS, "the drop is still being closed")
    return None


def _form_refusal(form: ReopenForm, units: int, end: DropEnd, row: DropRow) -> Refused | None:
    if units < 1:
        return invalid_field("quantity", "missing" if form.quantity is None else "too_small")
    if end.by is EndsBy.DURATION and not 1 <= end.seconds <= MAX_DURATION_SECONDS:
        return invalid_field("duration_seconds", "out_of_range")
    if form.end is None and end.by is EndsBy.CLOCK:
        return invalid_field("duration_seconds", "missing", "the time at which it ended is over")
    if top_up_refusal(units, row.quantity) is not None:
        return invalid_field("quantity", "too_large")
    return None


def _opened_again(row: DropRow, units: int, end: DropEnd, opens_in_seconds: int) -> DropRow:
    taken_back = min(units, row.returned)
    return replace(
        row,
        state=DropState.OPENING,
        quantity=row.quantity + units - taken_back,
        returned=row.returned - taken_back,
        duration_seconds=end.seconds,
        opens_in_seconds=opens_in_seconds,
        ends=end.by,
        ends_at=end.at,
        openings=row.openings + 1,
    )
