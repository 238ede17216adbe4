"""Finish a change of a drop on the desk: mark its intent as done, and record the event; move a link's window,
or the limit of a drop's campaign.

Called by drive_intents.py.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops import drop_events
from server.core.drops.drops import DropState
from server.core.promotions.batches import Batch
from server.flows.coupons.load_caps import caps_of
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import event_log, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent


async def move_window(stores: Stores, intent: Intent, now: int) -> None:
    """Give the desk the window that the ledger has now, which may be newer than the intent.

    The desk keeps the newest version, so two drivers cannot put an older window in its place. Nothing is
    published: the drop of a link has no room.
    """
    snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
    row, window = snapshot.row, snapshot.row.window
    epoch = None
    if row.state is DropState.OPEN and window is not None:
        caps = caps_of(snapshot.batch)
        epoch = await stores.desk.move_window(row.shard, row.id, row.window_version, window, caps)
    async with stores.ledger.begin() as conn:
        if epoch is not None:
            await assert_desk_epoch(conn, row, epoch)
        await finish_change(conn, intent, now)


async def move_limit(stores: Stores, intent: Intent, now: int) -> None:
    """Give the desk the limit of the drop's campaign that the ledger has now, which may be newer than the
    intent. A drop that is still being opened is left to the next attempt: its opening may have read the
    limit before.
    """
    snapshot = await read_drop_snapshot(stores.ledger, intent.drop_id)
    row, batch = snapshot.row, snapshot.batch
    if row.state is DropState.OPENING:
        return
    if row.state is DropState.OPEN:
        await tell_limit(stores, row, batch)
    async with stores.ledger.begin() as conn:
        await intents.finish(conn, intent.id, now)


async def tell_limit(stores: Stores, row: DropRow, batch: Batch) -> None:
    """Give the drop on the desk the limit of its campaign, where there is one. A rehearsal has none."""
    if batch.per_campaign is not None and not row.rehearsal:
        await stores.desk.move_limit(row.shard, row.id, batch.version, batch.per_campaign)


async def finish_change(conn: AsyncConnection, intent: Intent, now: int) -> None:
    """Mark a change of a drop as done, and record it: once, whoever else drives the intent."""
    if not await intents.finish(conn, intent.id, now):
        return
    row = await drops.find(conn, intent.drop_id)
    if row is not None and row.window is not None:
        await event_log.record(conn, [drop_events.changed(row.told, row.window, now)])
