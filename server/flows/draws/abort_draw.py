"""Give a draw up: nobody wins, and seed and leaves are shown for ever.

Called by the API for an instructor. Whether the abort or the draw comes first is decided by one UPDATE: a
draw whose winners are known is not aborted any more, or one could draw until one likes the winners. An
aborted draw is sealed all the same, so that everybody can see what it would have been.
"""

from server.core.acts import Action
from server.core.draws import draw_events
from server.core.drops.drops import CloseReason, DropState
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.draws.drive_draws import drive_draw
from server.flows.drops.intents.end_drop import end_drop
from server.flows.drops.views import drop_view
from server.flows.drops.views.drop_snapshot import find_in_room_for_update, read_drop_snapshot
from server.flows.drops.views.drop_view import DropView
from server.flows.stores import Stores
from server.ledger import acts, event_log
from server.ledger.drops import draws
from server.ledger.drops.drop_row import DropRow


@returns_refusal
async def abort_draw(
    stores: Stores, drop_id: str, room: str, reason: str, now: int
) -> DropView | Refused:
    """Abort the draw and return its drop. Repeatable; a worker finishes what this process does not.

    Refuses with not_found; in_progress while it is being opened; wrong_state for a drop that is no draw, that
    is prepared or closed, or that was drawn. DeskUnavailableError: it is aborted, and ends a little later.
    """
    async with stores.ledger.begin() as conn:
        row = await find_in_room_for_update(conn, drop_id, room)
        is_aborted = row.draw is not None and row.draw.aborted_at is not None
        if not is_aborted:
            _check(row)
            if not await draws.mark_aborted(conn, drop_id, reason, now):
                raise Abort(Refused(Code.WRONG_STATE, "the winners are drawn"))
            await acts.write_act(
                conn, stores.actor, Action.DRAW_ABORTED, drop_id, now, reason=reason
            )
            await event_log.record(conn, [draw_events.aborted(row.told, reason, now)])
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    if snapshot.row.state is DropState.OPEN:
        await end_drop(stores, snapshot, CloseReason.STOPPED, now)
        await drive_draw(stores, drop_id, now)
    return await drop_view.show_drop(stores, drop_id, room, now)


def _check(row: DropRow) -> None:
    if row.draw is None:
        raise Abort(Refused(Code.WRONG_STATE, "the drop is no draw"))
    if row.state is DropState.OPENING:
        raise Abort(Refused(Code.IN_PROGRESS, "the drop is being opened"))
    if row.state is not DropState.OPEN:
        raise Abort(Refused(Code.WRONG_STATE, f"the drop is {row.state}"))
