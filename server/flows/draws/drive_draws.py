"""Drive draws on: take their entries, seal them, draw, seat the winners, end the drop.

Called by the worker some times a second, and by an abort. Each step is written to the ledger once, by an
UPDATE on the condition that it was not made, and everything behind it may be repeated: the order of the draw
follows from what is sealed, a winner's claim has an id since the entry, and publications have ids. So it does
not matter which process dies where, nor how many work on one draw. Order, and why:

1. the desk is closed (flows/drops/intents/end_drop.py), and all entries are in the ledger;
2. the seal, root and count, is committed and published before the seed is mixed with it: from then on nobody
   can add, change or reorder an entry without everybody seeing it (promise I12);
3. the draw is committed; from then on an abort is refused;
4. the room is told the seed, then the winners get their units on the desk, through the outbox like taps;
5. units that are left go back to the batch.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import IntegrityError

from server.core.draws import draw_events
from server.core.draws.draw import key_of, order_of
from server.core.drops.drops import CloseReason
from server.core.merkle import root as merkle_root
from server.desk import DeskReplacedError, DeskUnavailableError
from server.desk.feed.feed_messages import FeedKind
from server.flows.draws.seat_winners import seat_winners
from server.flows.draws.take_entries import take_entries
from server.flows.drops.intents.end_drop import finish_end
from server.flows.drops.views.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores
from server.ledger import event_log
from server.ledger.draws import entries
from server.ledger.drops import draws, drops
from server.ledger.drops.draws import DrawRow

_AT_ONCE: Final = (
    500  # draws in one round; of a batch that is stopped they wait, and stay among these
)


class EntriesMissingError(Exception):
    """The ledger has another number of entries than the desk took: the draw must not be sealed."""


async def drive_draws(stores: Stores, now: int) -> int:
    """Do for every draw what can be done now; return how many draws there were. LedgerUnavailableError is
    passed on; a draw whose desk is unavailable waits for the next call. What is wrong with one draw is
    raised when the others are done.
    """
    async with stores.ledger.read() as conn:
        entering = await drops.open_draws(conn, _AT_ONCE)
        drawing = await drops.drawing(conn, _AT_ONCE)
    wrong = [await _attempt(take_entries(stores, row)) for row in entering]
    wrong += [await _attempt(drive_draw(stores, row.id, now)) for row in drawing]
    for error in filter(None, wrong):
        raise error
    return len(wrong)


async def _attempt(step: Awaitable[object]) -> Exception | None:
    """Return what is wrong with one draw: the others must not wait until somebody has mended it."""
    try:
        with suppress(DeskUnavailableError, DeskReplacedError):
            await step
    except (EntriesMissingError, IntegrityError, LookupError) as error:
        return error
    return None


async def drive_draw(stores: Stores, drop_id: str, now: int) -> bool:
    """Drive one draw that is over as far as it goes; True: it is ended. Repeatable.

    DeskUnavailableError: it goes on later. DeskReplacedError: the shard was rebuilt meanwhile; call it again.
    """
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    if not snapshot.row.is_drawing:
        return True
    entered = await take_entries(stores, snapshot.row)
    if entered is None:
        return False  # a desk that was rebuilt before the ledger knew of the end has it open: close it again
    snapshot = await _sealed(stores, snapshot, entered, now)
    await stores.feed.publish(
        f"{drop_id}:sealed", FeedKind.SEALED, snapshot.to_room_drop(snapshot.row)
    )
    snapshot = await _drawn(stores, snapshot, now)
    draw = _draw_of(snapshot)
    if draw.drawn_at is not None:
        drawn = snapshot.to_room_drop(snapshot.row)
        await stores.feed.publish(f"{drop_id}:drawn", FeedKind.DRAWN, drawn)
        if not await seat_winners(stores, snapshot, await order_of_draw(draw), now):
            return False
    return await _end(stores, snapshot, now)


async def order_of_draw(draw: DrawRow) -> list[int]:
    """Return the indexes of the entries in the order of the draw, without blocking the event loop."""
    assert draw.root is not None
    key = key_of(bytes.fromhex(draw.seed), bytes.fromhex(draw.root), draw.drop_id)
    return await asyncio.to_thread(order_of, key, draw.entries or 0)


async def _sealed(stores: Stores, snapshot: DropSnapshot, entered: int, now: int) -> DropSnapshot:
    """Return the drop with its seal, which is written here unless it is there."""
    row = snapshot.row
    if _draw_of(snapshot).sealed_at is not None:
        return snapshot
    counts = await stores.desk.counts(row.shard, row.id)
    if counts is None:
        raise DeskUnavailableError(f"the desk does not have {row.id}")
    async with stores.ledger.read() as conn:
        leaves = await entries.leaves(conn, row.id)
    if len(leaves) != entered:
        raise EntriesMissingError(f"{row.id}: {len(leaves)} entries of {entered}")
    root = await asyncio.to_thread(_root_of, leaves)
    sealed = _draw_of(snapshot)._replace(
        root=root, entries=entered, units=min(row.quantity, counts.quantity), sealed_at=now
    )
    async with stores.ledger.begin() as conn:
        if await draws.seal(conn, sealed):
            await event_log.record(conn, [draw_events.sealed(row.told, entered, root, now)])
    return await read_drop_snapshot(stores.ledger, row.id)


async def _drawn(stores: Stores, snapshot: DropSnapshot, now: int) -> DropSnapshot:
    """Return the drop as drawn, or as aborted: whichever was committed first."""
    row, draw = snapshot.row, _draw_of(snapshot)
    if draw.drawn_at is None and draw.aborted_at is None:
        async with stores.ledger.begin() as conn:
            if await draws.mark_drawn(conn, row.id, now):
                drawn = draw._replace(drawn_at=now)
                told = draw_events.drawn(row.told, drawn.seed, drawn.winners, now)
                await event_log.record(conn, [told])
    return await read_drop_snapshot(stores.ledger, row.id)


async def _end(stores: Stores, snapshot: DropSnapshot, now: int) -> bool:
    row = snapshot.row
    closing = await stores.desk.close(row.shard, row.id, only_if_over=False)
    assert closing is not None
    closed_at = row.drawing_at or closing.closed_at
    closed = replace(row, closed_at=closed_at, close_reason=_reason(snapshot, closed_at))
    await finish_end(stores, snapshot, closed, closing, now)
    return True


def _reason(snapshot: DropSnapshot, closed_at: int) -> CloseReason:
    if _draw_of(snapshot).aborted_at is not None:
        return CloseReason.ABORTED
    closes_at = snapshot.row.closes_at
    return CloseReason.STOPPED if closes_at and closed_at < closes_at else CloseReason.ENDED


def _draw_of(snapshot: DropSnapshot) -> DrawRow:
    draw = snapshot.row.draw
    if draw is None:
        raise LookupError(f"{snapshot.row.id} is no draw")
    return draw


def _root_of(leaves: Sequence[str]) -> str:
    return merkle_root([bytes.fromhex(leaf) for leaf in leaves]).hex()
