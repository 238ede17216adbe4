"""A teacher closes a drop: write the decision to the ledger.

Called by drop_service.py, which then drives the returned intent. After the commit the drop is closed even if
this process dies: a worker drives the intent. end_drop.py does the work.
"""

from dataclasses import replace

from server.core.acts import Action
from server.core.drops.drops import CloseReason, DropState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort
from server.flows.drops.changes.write_opening import WrittenIntent
from server.flows.drops.intents.intent_payloads import ClosePayload, new_intent
from server.flows.drops.views.drop_snapshot import find_in_room_for_update, snapshot_of
from server.flows.stores import Stores
from server.ledger import acts, intents
from server.ledger.drops import drops


async def write_close(
    stores: Stores, drop_id: str, room: str, now: int, reason: str = ""
) -> WrittenIntent | None:
    """Return the intent to drive, or None where the drop is closed already or was closed here. A draw
    that is over is closed already: its winners are being drawn.

    A prepared drop is closed here: it has taken no stock and was never published. Abort(in_progress) while
    the drop is being opened. Repeatable.
    """
    why: dict[str, object] = {"reason": reason} if reason else {}
    async with stores.ledger.begin() as conn:
        row = await find_in_room_for_update(conn, drop_id, room)
        match row.state:
            case DropState.CLOSED:
                return None
            case DropState.PREPARED:
                closed = replace(row, closed_at=now, close_reason=CloseReason.STOPPED)
                # Count all its units as returned, although none was taken. Then the units of every closed
                # drop are quantity - returned.
                await drops.mark_closed(conn, closed, row.state, row.quantity)
                await acts.write_act(conn, stores.actor, Action.DROP_CLOSED, drop_id, now, **why)
                return None
            case DropState.OPEN if row.is_drawing:
                return None
            case DropState.OPENING:
                raise Abort(Refused(Code.IN_PROGRESS, "the drop is being opened"))
        await acts.write_act(conn, stores.actor, Action.DROP_CLOSED, drop_id, now, **why)
        intent = new_intent(drop_id, ClosePayload(row.openings), now)
        await intents.write(conn, intent)
        return WrittenIntent(intent, await snapshot_of(conn, row))
