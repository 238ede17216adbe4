"""Give units that came back after a draw to its reserve, in the order of the draw.

Called by the worker. A hold that ended on a drawn drop leaves a mark (flows/drops/end_holds.py) instead of
giving the unit to the batch. What the reserve does not take goes back to the batch, and so does everything
once the desk has forgotten the drop, a day after the draw.
"""

from contextlib import suppress
from typing import Final

from server.core.drops.drops import DropState
from server.desk import DeskReplacedError, DeskUnavailableError
from server.flows.draws.drive_draws import order_of_draw
from server.flows.draws.seat_winners import seat_winners
from server.flows.drops.views.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import intents
from server.ledger.drops import draws, drop_results, drops
from server.ledger.promotions import batch_stock

_AT_ONCE: Final = 50


async def refill_draws(stores: Stores, now: int) -> int:
    """Refill the draws that have a mark; return how many there were. LedgerUnavailableError is passed on."""
    async with stores.ledger.read() as conn:
        marked = await draws.to_refill(conn, _AT_ONCE)
        # The desk has to know of the release before it can give the unit away again.
        waiting = await intents.pending_among(conn, marked) if marked else set()
    for drop_id in marked:
        if drop_id not in waiting:
            with suppress(DeskUnavailableError, DeskReplacedError):
                await _refill(stores, await read_drop_snapshot(stores.ledger, drop_id), now)
    return len(marked)


async def _refill(stores: Stores, snapshot: DropSnapshot, now: int) -> None:
    row, draw = snapshot.row, snapshot.row.draw
    if draw is None or draw.refill_at is None or row.state is not DropState.CLOSED:
        return
    if not await seat_winners(stores, snapshot, await order_of_draw(draw), now):
        return
    closing = await stores.desk.close(row.shard, row.id, only_if_over=False)
    assert closing is not None
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, closing.epoch)
        current = await drops.find_for_update(conn, row.id)
        assert current is not None
        taken = await drop_results.units_taken(conn, row.id, closing.won_total)
        units = max(0, current.quantity - current.returned - taken)
        await drops.add_returned(conn, row.id, units)
        await batch_stock.give_back(conn, row.batch_id, row.room, units)
        await draws.finish_refill(conn, row.id, draw.refill_at)
