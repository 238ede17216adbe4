"""Top up or extend an open drop: write the decision to the ledger.

Called by drop_service.py, which then drives the returned intent. The caller says which quantity or end it
expects (`expected_…`): a button that is pressed twice, or by two teachers, then counts once.
"""

from server.core import instants
from server.core.acts import Action
from server.core.drops.drop_rules import extension_refusal, top_up_refusal
from server.core.drops.drops import Allotment, DropState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, abort_if
from server.flows.access.instructors import instructor_refusal
from server.flows.drops.changes.take_units import take_units
from server.flows.drops.intents.intent_payloads import ExtendPayload, TopUpPayload, new_intent
from server.flows.drops.views.drop_snapshot import find_in_room_for_update
from server.flows.stores import Stores, batch_and_template
from server.ids import new_id
from server.ledger import acts, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent


async def write_top_up(
    stores: Stores, drop_id: str, room: str, add: int, expected_quantity: int, now: int
) -> Intent:
    """Take `add` units from the batch for the drop, and return the intent to drive.

    Abort: instructor_stopped; invalid_field; stock_short; in_progress; wrong_state, with `quantity` where it
    is not the expected one.
    """
    async with stores.ledger.begin() as conn:
        abort_if(await instructor_refusal(conn, stores.actor, now))
        row = await find_in_room_for_update(conn, drop_id, room)
        abort_if(_open_refusal(row) or top_up_refusal(add, row.quantity))
        if row.quantity != expected_quantity:
            raise Abort(_changed_meanwhile("quantity", row.quantity))
        batch, _ = await batch_and_template(conn, row.batch_id)
        await take_units(conn, batch, room, add, now)
        allotment = Allotment(new_id("alt"), row.quantity + 1, row.quantity + add)
        await drops.add_units(conn, row, allotment, now)
        intent = new_intent(drop_id, TopUpPayload(allotment.id), now)
        await intents.write(conn, intent)
        await acts.write_act(conn, stores.actor, Action.DROP_TOPPED_UP, drop_id, now, add=add)
    return intent


async def write_extension(
    stores: Stores,
    drop_id: str,
    room: str,
    seconds: int,
    expected_closes_at: int,
    now: int,
) -> Intent:
    """Check that the drop may be extended, and return the intent to drive. The ledger's own end moves later,
    when the desk has moved its end.

    Abort: instructor_stopped; invalid_field; in_progress; wrong_state, with `closes_at` where it is not the
    expected one.
    """
    async with stores.ledger.begin() as conn:
        abort_if(await instructor_refusal(conn, stores.actor, now))
        row = await find_in_room_for_update(conn, drop_id, room)
        abort_if(_open_refusal(row))
        window = row.window
        assert window is not None  # an open drop has one
        if window.is_open_end:
            raise Abort(Refused(Code.WRONG_STATE, "the drop has no end", {"closes_at": None}))
        if window.closes_at != expected_closes_at:
            raise Abort(_changed_meanwhile("closes_at", instants.to_text(window.closes_at)))
        batch, template = await batch_and_template(conn, row.batch_id)
        abort_if(extension_refusal(batch, template, window.opens_at, window.closes_at, seconds))
        payload = ExtendPayload(duration_ms=seconds * 1000, expected_closes_at=expected_closes_at)
        intent = new_intent(drop_id, payload, now)
        await intents.write(conn, intent)
        await acts.write_act(
            conn, stores.actor, Action.DROP_EXTENDED, drop_id, now, seconds=seconds
        )
    return intent


def _open_refusal(row: DropRow) -> Refused | None:
    """Return None for an open drop."""
    if row.is_drawing:
        return Refused(Code.WRONG_STATE, "the winners are being drawn")
    if row.state is DropState.OPEN:
        return None
    if row.state is DropState.OPENING:
        return Refused(Code.IN_PROGRESS, "the drop is being opened")
    return Refused(Code.WRONG_STATE, f"the drop is {row.state}")


def _changed_meanwhile(name: str, value: object) -> Refused:
    return Refused(Code.WRONG_STATE, f"{name} is {value} by now", {name: value})
