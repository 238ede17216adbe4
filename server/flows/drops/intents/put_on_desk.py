"""Put a drop on the desk and into its room: its first opening, and each one after a close.

Called by drive_intents.py. Each step may be repeated, by this process or another.
"""

from dataclasses import replace
from typing import Final, TypedDict

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops import drop_events
from server.core.drops.drop_ends import last_moment
from server.core.drops.drops import MAX_OPEN_MS, CloseReason, DropState, EndsBy, Window
from server.core.promotions.templates import FixedValidity
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError
from server.desk.claims.caps import CapName, CapsMissing, KnownUnused
from server.desk.drops.drop_state import Stamped
from server.desk.feed.feed_messages import FeedKind
from server.flows.coupons.load_caps import caps_of, load_missing_caps
from server.flows.drops.intents.end_drop import end_drop
from server.flows.drops.intents.finish_change import tell_limit
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.drops.views.room_drops import desk_limits
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger import event_log, intents
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent

_TRIES: Final = 3  # a rebuild may replace the desk between two calls


async def carry_out_opening(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, opens_at: int | None, now: int
) -> Refused | DropRow | None:
    """Open the drop for the first time, at `opens_at` where that is given; return it as it was opened, None
    where another process has opened or closed it.

    Refused: it took too long and was given up.
    """
    row = snapshot.row
    if row.state is not DropState.OPENING or row.openings > 1:
        await _finish(stores, intent, now)
        return None
    window = await _open_on_desk(stores, snapshot, opens_at, now)
    if window is None:
        await end_drop(stores, snapshot, CloseReason.CANCELLED, now, intent.id)
        return Refused(Code.UNAVAILABLE, "the opening took too long and was given up")
    opened = replace(row, opens_at=window.opens_at, closes_at=window.closes_at)
    # The window is part of the publication id: a desk that was lost and rebuilt meanwhile has stamped
    # another window, and the room has to receive that one as a new publication.
    publication_id = f"{intent.id}.{window.opens_at}"
    await stores.feed.publish(publication_id, FeedKind.OPENED, snapshot.to_room_drop(opened))
    # Counted at the opening and kept: later the number would include students who came for the drop.
    present = (await stores.feed.audience_counts(row.room, row.id)).present
    async with stores.ledger.begin() as conn:
        is_opened = await _mark_open(conn, row, window, present)
        await intents.finish_later(conn, intent.id, now)
        if is_opened:
            told = Window(window.opens_at, window.closes_at, row.ends is EndsBy.HAND)
            await event_log.record(conn, [drop_events.opened(row.told, told, now)])
    return replace(opened, state=DropState.OPEN, present_at_open=present) if is_opened else None


async def _mark_open(conn: AsyncConnection, row: DropRow, window: Stamped, present: int) -> bool:
    """Return whether the drop was opened here; DeskReplacedError where the desk was rebuilt meanwhile."""
    is_opened = await drops.mark_open(conn, row.id, window, present, window.epoch)
    if not is_opened:
        await assert_desk_epoch(conn, row, window.epoch)
    return is_opened


async def carry_out_reopening(
    stores: Stores, snapshot: DropSnapshot, intent: Intent, openings: int, now: int
) -> Refused | None:
    """Open the closed drop again. Refused: it took too long and was given up."""
    row = snapshot.row
    if row.state is not DropState.OPENING or row.openings != openings:
        await _finish(stores, intent, now)
        return None
    window = await _reopen_on_desk(stores, snapshot, now)
    if window is None:
        await end_drop(stores, snapshot, CloseReason.CANCELLED, now, intent.id)
        return Refused(Code.UNAVAILABLE, "the opening took too long and was given up")
    # The desk has kept the limit that its campaign had when the drop was closed.
    await tell_limit(stores, row, snapshot.batch)
    opened = replace(row, opens_at=window.opens_at, closes_at=window.closes_at)
    await stores.feed.publish_reopening(
        f"{intent.id}.{window.opens_at}", snapshot.to_room_drop(opened)
    )
    present = (await stores.feed.audience_counts(row.room, row.id)).present
    async with stores.ledger.begin() as conn:
        is_opened = await _mark_open(conn, row, window, present)
        await intents.finish_later(conn, intent.id, now)
        if is_opened and opened.window is not None:
            await event_log.record(conn, [drop_events.reopened(row.told, opened.window, now)])
    return None


async def _reopen_on_desk(stores: Stores, snapshot: DropSnapshot, now: int) -> Stamped | None:
    row, batch = snapshot.row, snapshot.batch
    for _ in range(_TRIES):
        opened = await stores.desk.reopening.reopen(
            row.shard,
            row.id,
            openings=row.openings,
            allotments=snapshot.allotments,
            units=row.in_drop,
            opens_in_ms=row.opens_in_seconds * 1000,
            **_end_on_desk(snapshot, now),
            caps=[] if row.rehearsal else [(cap.name, cap.id) for cap in caps_of(batch)],
        )
        if not isinstance(opened, CapsMissing):
            return opened
        await load_missing_caps(stores.ledger, stores.desk.caps, batch, opened)
    raise DeskReplacedError(f"the desk of {row.id} was replaced while its caps were loaded")


async def _open_on_desk(
    stores: Stores, snapshot: DropSnapshot, opens_at: int | None, now: int
) -> Stamped | None:
    """Open the drop on the desk; None where the desk has closed it before it was opened.

    The desk opens no drop whose caps it does not know completely. It answers CapsMissing, then the caps of
    the batch and its campaign are loaded, and the opening is tried again.
    """
    row = snapshot.row
    for _ in range(_TRIES):
        opened = await stores.desk.open(
            shard=row.shard,
            drop_id=row.id,
            room=row.room,
            allotments=snapshot.allotments,
            opens_in_ms=row.opens_in_seconds * 1000,
            opens_at=opens_at,
            **_end_on_desk(snapshot, now),
            has_task=row.task is not None,
            is_draw=row.draw is not None,
            unused=await _unused(stores, snapshot),
            **desk_limits(row, snapshot.batch),
        )
        if not isinstance(opened, CapsMissing):
            return opened
        if not row.rehearsal:
            await load_missing_caps(stores.ledger, stores.desk.caps, snapshot.batch, opened)
    raise DeskReplacedError(f"the desk of {row.id} was replaced while its caps were loaded")


async def _unused(stores: Stores, snapshot: DropSnapshot) -> KnownUnused | None:
    """Return which caps need no loading: those of a rehearsal are new."""
    if not snapshot.row.rehearsal:
        return snapshot.unused
    epoch = (await stores.desk.epochs())[snapshot.row.shard]
    return None if epoch is None else KnownUnused(epoch, frozenset([CapName.BATCH]))


class _End(TypedDict):
    duration_ms: int
    closes_at: int | None


def _end_on_desk(snapshot: DropSnapshot, now: int) -> _End:
    """Return the end as the desk takes it: a length by its own clock, where no date counts."""
    row, batch = snapshot.row, snapshot.batch
    if row.ends is EndsBy.DURATION:
        return _End(duration_ms=row.duration_seconds * 1000, closes_at=None)
    is_fixed = isinstance(snapshot.template.form.validity, FixedValidity)
    if row.ends is EndsBy.HAND and batch.claim_window is None and not is_fixed:
        return _End(duration_ms=MAX_OPEN_MS, closes_at=None)
    opens_at = now + row.opens_in_seconds * 1000
    closes_at = last_moment(row.end, opens_at, batch, snapshot.template)
    return _End(duration_ms=0, closes_at=closes_at)


async def _finish(stores: Stores, intent: Intent, now: int) -> None:
    async with stores.ledger.begin() as conn:
        await intents.finish(conn, intent.id, now)
