"""The one way in which a drop ends: stopped, its time over, or its opening given up.

Called by drive_intents. Desk first, so that no unit is taken any more; then the room; then the
ledger, which gives back what was not taken. A process that dies in between leaves a drop that is
not closed in the ledger, and whoever comes next does the rest: each step may be repeated.

A desk that is rebuilt in between has the drop as the ledger has it: open, and it sells on. What was
heard of it before counts no more, and the end begins anew: once for each rebuild, of which the shard's
epoch tells.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import CloseReason, DropState, RoomDrop
from server.desk.drop_state import Closing
from server.desk.feed import Feed, FeedKind
from server.flows.drops.drop_snapshot import DropSnapshot
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import intents
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drops import DropRow
from server.ledger.intents import IntentKind
from server.ledger.promotions import batches


async def end_drop(
    stores: Stores,
    snapshot: DropSnapshot,
    reason: CloseReason | None,
    now: int,
    intent_id: str | None = None,
) -> bool:
    """`reason` None: only if the desk has closed it or its time is over there; False: neither.
    `intent_id` is done with it, if one asked for it. DeskReplacedError: the desk has it open again.
    """
    row = snapshot.row
    closing = await stores.desk.close(row.shard, row.id, only_if_over=reason is None)
    if closing is None:
        return False
    closed = replace(
        await _with_window(stores, row),
        closed_at=closing.closed_at,
        close_reason=reason or await _reason(stores, snapshot, closing),
    )
    if closed.window is not None:  # else it has never been told of
        await _tell(stores.feed, snapshot.to_room_drop(closed))
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, closing.epoch)
        await _write_end(conn, closed, closing)
        if intent_id is not None:
            await intents.finish(conn, intent_id, now)
    return True


async def _tell(feed: Feed, closed: RoomDrop) -> None:
    """A drop ends once: whoever ends it, it is one publication."""
    publication_id = f"{closed.id}:closed"
    if closed.close_reason is CloseReason.CANCELLED:
        await feed.publish_cancelled_opening(publication_id, closed)
    else:
        await feed.publish(publication_id, FeedKind.CLOSED, closed)


async def _with_window(stores: Stores, row: DropRow) -> DropRow:
    """An opening that was given up may have reached the desk, and the room."""
    if row.window is not None:
        return row
    counts = await stores.desk.counts(row.shard, row.id)
    if counts is None or counts.window is None:
        return row
    return replace(row, opens_at=counts.window.opens_at, closes_at=counts.window.closes_at)


async def _reason(stores: Stores, snapshot: DropSnapshot, closing: Closing) -> CloseReason:
    """Stopped where a teacher was first and only the ledger does not know yet; sold out only where
    no unit could have come back.
    """
    async with stores.ledger.read() as conn:
        pending = await intents.pending_of(conn, snapshot.row.id)
    if any(intent.kind is IntentKind.CLOSE for intent in pending):
        return CloseReason.STOPPED
    is_all_taken = closing.taken >= snapshot.row.quantity - snapshot.row.returned
    if is_all_taken and snapshot.batch.hold_seconds is None:
        return CloseReason.SOLD_OUT
    return CloseReason.ENDED


async def _write_end(conn: AsyncConnection, closed: DropRow, closing: Closing) -> None:
    held = await drops.find_for_update(conn, closed.id)
    if held is None or held.state is DropState.CLOSED:
        return  # somebody else was here: the units went back with them
    # The desk knows of claims that are on their way; the ledger of those a lost desk forgot.
    taken = await drop_results.units_taken(conn, held.id, closing.won_total)
    units = max(0, held.quantity - held.returned - taken)
    window = held.window or closed.window  # the end may have moved since `closed` was read
    if window is not None:
        closed = replace(closed, opens_at=window.opens_at, closes_at=window.closes_at)
    await drops.mark_closed(conn, closed, held.state, units)
    await batches.give_back(conn, held.batch_id, held.room, units)
