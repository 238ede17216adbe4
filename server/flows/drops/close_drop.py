"""A teacher ends a drop: the ledger notes it, so that it is ended whoever dies now.

Called by `open_drop.Drops`. What ends is in end_drop.py.
"""

from dataclasses import replace

from server.core.acts import Action
from server.core.drops.drops import CloseReason, DropState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort
from server.flows.drops.drop_snapshot import find_in_room_for_update
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger import acts, intents
from server.ledger.drops import drops
from server.ledger.intents import Intent, IntentKind


async def write_close(stores: Stores, drop_id: str, room: str, now: int) -> Intent | None:
    """None: it is closed, before or now; a prepared drop has no stock and nobody was told of it.
    Stop(in_progress) while it is being opened.
    """
    async with stores.ledger.begin() as conn:
        row = await find_in_room_for_update(conn, drop_id, room)
        match row.state:
            case DropState.CLOSED:
                return None
            case DropState.PREPARED:
                closed = replace(row, closed_at=now, close_reason=CloseReason.STOPPED)
                # Returned in whole, though never taken: what a closed drop holds is then always
                # quantity - returned.
                await drops.mark_closed(conn, closed, row.state, row.quantity)
                await acts.write_act(conn, stores.actor, Action.DROP_CLOSED, drop_id, now)
                return None
            case DropState.OPENING:
                raise Abort(Refused(Code.IN_PROGRESS, "the drop is being opened"))
        await acts.write_act(conn, stores.actor, Action.DROP_CLOSED, drop_id, now)
        intent = Intent(new_id("int"), IntentKind.CLOSE, drop_id, now, {})
        await intents.write(conn, intent)
    return intent
