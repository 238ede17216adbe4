"""Read the card of a drop as a visitor sees it who is in no room: by a ticket, or by a link.

Called by the API and by the flow of links. The desk knows what is claimed; where Redis is unavailable the
ledger's number is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.core.drops.drops import DropState, RoomDrop, Window, state_at
from server.desk import DeskUnavailableError
from server.desk.drops.drop_state import DeskCounts
from server.flows.drops.views.room_drops import room_drop
from server.flows.stores import Stores, batch_and_template
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drop_results import DropResults
from server.ledger.drops.drop_row import DropRow


@dataclass(frozen=True, slots=True)
class DropCard:
    """A drop of a room, its state and the units that are left."""

    drop: RoomDrop
    state: DropState
    remaining: int


async def read_drop_card(stores: Stores, drop_id: str, now: int) -> DropCard | None:
    """Return the card of the drop; None where there is none, or before it is opened."""
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None or row.window is None:
            return None
        batch, template = await batch_and_template(conn, row.batch_id)
        results = await drop_results.of_drops(conn, [row.id])
    counts = (await desk_counts(stores, [row]))[0]
    remaining = remaining_of(row, counts, results[row.id])
    return DropCard(
        room_drop(row, template, batch), state_in(row.window, row, remaining, now), remaining
    )


def state_in(window: Window, row: DropRow, remaining: int, now: int) -> DropState:
    """Return the state of the drop in this window. One that is closed, or waits for its draw, is so whatever
    the window says."""
    if row.state in (DropState.CLOSED, DropState.DRAWING, DropState.ABORTED):
        return row.state
    return state_at(now, window.opens_at, window.closes_at, remaining)


def remaining_of(row: DropRow, counts: DeskCounts | None, results: DropResults) -> int:
    """Return the units that can still be claimed. The desk's count is wrong for a closed drop: there every
    unit that was not returned counts as claimed."""
    if row.state is DropState.CLOSED:
        return 0
    claimed = counts.claimed if counts is not None else results.confirmed
    return max(0, row.quantity - row.returned - claimed)


async def desk_counts(stores: Stores, of: Sequence[DropRow]) -> list[DeskCounts | None]:
    """Return what the desk counts of each; None for all while it is unavailable."""
    try:
        return await stores.desk.counts_of_many([(row.shard, row.id) for row in of])
    except DeskUnavailableError:
        return [None] * len(of)
