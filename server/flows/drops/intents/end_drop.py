"""End a drop: a teacher stopped it, its time is over, or its opening was cancelled. There is no other way.

Called by drive_intents.py. Order, and why:

1. the desk closes the drop, so that no unit is taken any more;
2. the feed publishes the end to the room;
3. the ledger closes the drop and gives back the units that nobody took.

A draw is only closed on the desk here; its winners are still to be drawn, and flows/draws ends it then.

Each step may be repeated. If the process dies in between, the drop is not closed in the ledger, and the next
worker that finds it does all steps again.

A desk that is rebuilt between 1 and 3 has the drop as the ledger has it: open, and it goes on selling. The
numbers that the old desk gave are then worthless, so step 3 fails with DeskReplacedError (it compares the
shard's epoch) and the end starts again.
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops import drop_events
from server.core.drops.drops import CloseReason, DropState, RoomDrop
from server.desk.drops.drop_state import Closing
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import FeedKind
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import event_log, intents
from server.ledger.drops import drop_results, drops, seals
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import IntentKind
from server.ledger.promotions import batch_stock


async def end_drop(
    stores: Stores,
    snapshot: DropSnapshot,
    reason: CloseReason | None,
    now: int,
    intent_id: str | None = None,
) -> bool:
    """End the drop; False where it is not ended because its time is not over, or because it was opened
    again. Repeatable.

    `reason` None ends the drop only if the desk has closed it or its time is over there, SOLD_OUT only if no
    unit is left; any other reason ends it at once. `intent_id` is marked as done in the same transaction.
    DeskReplacedError: the shard was rebuilt meanwhile, and has the drop open again.
    """
    row = snapshot.row
    closing = await stores.desk.close(
        row.shard,
        row.id,
        only_if_over=reason is None,
        only_if_sold_out=reason is CloseReason.SOLD_OUT,
        openings=row.openings,
    )
    if closing is None:
        return False
    if row.draw is not None and row.window is not None:
        await _begin_drawing(stores, row, closing, now, intent_id)
        return True
    closed = replace(
        await _with_window(stores, row),
        closed_at=closing.closed_at,
        close_reason=reason or await _reason(stores, snapshot, closing),
    )
    await finish_end(stores, snapshot, closed, closing, now, intent_id)
    return True


async def finish_end(
    stores: Stores,
    snapshot: DropSnapshot,
    closed: DropRow,
    closing: Closing,
    now: int,
    intent_id: str | None = None,
) -> None:
    """Do steps 2 and 3: publish the end, and give back the units that nobody has. Repeatable.

    `closed` is the drop with its end. Called for a draw when its winners have their units.
    """
    if closed.window is not None:  # a drop without a window was never published
        await _publish(stores.feed, snapshot.to_room_drop(closed), closed.openings)
    async with stores.ledger.begin() as conn:
        if intent_id is not None:
            await intents.finish_later(conn, intent_id, now)
        await _write_end(conn, closed, closing, now)


async def _begin_drawing(
    stores: Stores, row: DropRow, closing: Closing, now: int, intent_id: str | None
) -> None:
    """Note that nobody can enter any more. A worker draws, and ends the drop (flows/draws)."""
    async with stores.ledger.begin() as conn:
        await assert_desk_epoch(conn, row, closing.epoch)
        await drops.mark_drawing(conn, row.id, closing.closed_at)
        if intent_id is not None:
            await intents.finish(conn, intent_id, now)


async def _publish(feed: Feed, closed: RoomDrop, openings: int) -> None:
    # Each opening ends once: whichever process ends it, the publication has the same id.
    number = "" if openings == 1 else f".{openings}"
    publication_id = f"{closed.id}:closed{number}"
    if closed.close_reason is CloseReason.CANCELLED:
        await feed.publish_cancelled_opening(publication_id, closed)
    else:
        await feed.publish(publication_id, FeedKind.CLOSED, closed)


async def _with_window(stores: Stores, row: DropRow) -> DropRow:
    """Return the row with its window from the desk, where the ledger has none.

    A cancelled opening may have reached the desk, and the room, before it was cancelled.
    """
    if row.window is not None:
        return row
    counts = await stores.desk.counts(row.shard, row.id)
    if counts is None or counts.window is None:
        return row
    return replace(row, opens_at=counts.window.opens_at, closes_at=counts.window.closes_at)


async def _reason(stores: Stores, snapshot: DropSnapshot, closing: Closing) -> CloseReason:
    """Return why a drop ended by itself.

    STOPPED where a teacher's close is still pending: that was first. SOLD_OUT only for a batch without a
    hold: otherwise units might have come back until the end.
    """
    async with stores.ledger.read() as conn:
        pending = await intents.pending_of(conn, snapshot.row.id)
    if any(intent.kind is IntentKind.CLOSE for intent in pending):
        return CloseReason.STOPPED
    is_all_taken = closing.taken >= snapshot.row.quantity - snapshot.row.returned
    if is_all_taken and snapshot.batch.hold_seconds is None:
        return CloseReason.SOLD_OUT
    return CloseReason.ENDED


async def _write_end(conn: AsyncConnection, closed: DropRow, closing: Closing, now: int) -> None:
    current = await drops.find_for_update_on_desk(conn, closed.id, closing.epoch)
    if current is None:
        await assert_desk_epoch(conn, closed, closing.epoch)
    if current is None or current.state is DropState.CLOSED or current.openings != closed.openings:
        return  # another process has closed it, and given its units back; it may be open again since
    # Only the desk knows the claims that are in the outbox; only the ledger knows those that a lost desk
    # forgot.
    taken = await drop_results.units_taken(conn, current.id, closing.won_total)
    units = max(0, current.quantity - current.returned - taken)
    window = current.window or closed.window  # the end may have moved since `closed` was read
    if window is not None:
        closed = replace(closed, opens_at=window.opens_at, closes_at=window.closes_at)
    await drops.mark_closed(conn, closed, current.state, units)
    if current.state is DropState.OPEN:  # the school has heard of no other
        assert closed.close_reason is not None
        end = drop_events.closed(current.told, closed.close_reason.value, units, now)
        await event_log.record(conn, [end])
    if not current.rehearsal:  # that took nothing
        await seals.ask_for_seal(conn, current.id, now)
        await batch_stock.give_back(conn, current.batch_id, current.room, units)
