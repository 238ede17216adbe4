"""Keeps the open rooms of a gateway at the position of the feed, and repairs gaps.

`FeedFollower` is the listener of the gateway's subscription (desk/feed/subscription.py). Redis' pub/sub may
lose messages. A gap shows by the offset, by the epoch, or by a reconnect. The missing publications are then
read from the room's stream; where the stream has them no more, the whole state is read and the members get
a new welcome. Invariant: no publication is shown twice, and none is skipped. Losses of claims have a stream
of their own and are repaired alike. Confirmations are in no stream, so after each gap the claims of the
room's students are read from the desk (win_recovery.py).
"""

import asyncio
from collections.abc import Callable

import orjson
import structlog

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.feed.feed import ACCESS, EVERYWHERE, RoomState
from server.desk.feed.feed_messages import (
    WINNERS,
    Confirmations,
    Losses,
    Publication,
    load_confirmations,
    load_losses,
    load_publication,
    load_winners,
)
from server.gateway.rooms.feed.claim_notices import send_confirmed, send_loss
from server.gateway.rooms.feed.coupon_changes import CouponChanges
from server.gateway.rooms.feed.room_reader import RoomReader
from server.gateway.rooms.feed.win_recovery import WinRecovery
from server.gateway.rooms.feed.winners import note_winners
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room
from server.observability.tracing import Traces

_HEAL_RETRY_SECONDS = 0.3
# A healthy Redis answers in milliseconds. A connection that died together with the subscription never
# answers, and the second try uses another one: so the first deadline is short.
_FIRST_HEAL_SECONDS = 1.0
_HEAL_SECONDS = 5.0
_HEAL_WAIT_SECONDS = 2.0
_log = structlog.get_logger()


class FeedFollower:
    """`on_gap()` is called for each gap, for a metric, `look_at_access()` when access rules may have changed.
    Repairs run in `tasks`, one at a time for a room."""

    def __init__(  # noqa: PLR0913 - its parts, each named by the caller
        self,
        *,
        rooms: OpenRooms,
        reader: RoomReader,
        coupon_changes: CouponChanges,
        win_recovery: WinRecovery,
        tasks: asyncio.TaskGroup,
        on_gap: Callable[[], None],
        look_at_access: Callable[[], None] = lambda: None,
        traces: Traces | None = None,
    ) -> None:
        self._rooms = rooms
        self._reader = reader
        self._coupon_changes = coupon_changes
        self._win_recovery = win_recovery
        self._tasks = tasks
        self._on_gap = on_gap
        self._look_at_access = look_at_access
        self._traces = traces
        self._healing: dict[str, asyncio.Task[None]] = {}
        self._heal_again: set[str] = set()

    # --- the subscription's listener ----------------------------------------------------------

    def on_message(self, name: str, payload: bytes) -> None:
        """Take one message of a room's channel. Confirmations and losses go to one student each."""
        if name == ACCESS:
            self._look_at_access()
            return
        if name == EVERYWHERE:
            self._coupon_changes.on_message(payload)
            return
        room = self._rooms.by_name.get(name)
        if room is None:
            return
        confirmations = load_confirmations(payload)
        if confirmations is not None:
            self._take_confirmations(room, confirmations)
            return
        message = orjson.loads(payload)
        if message["kind"] == "lost":
            self._take_losses(room, load_losses(message))
        elif message["kind"] == WINNERS:
            room.winner_names.hear(*load_winners(message))
        else:
            self._take(room, load_publication(message))

    def on_reconnect(self) -> None:
        """Check every room: each may have missed something while nothing was subscribed."""
        self._look_at_access()
        self._coupon_changes.heal_soon()
        for name, room in self._rooms.by_name.items():
            room.missed_feed = True
            self.heal_soon(name)

    def _take_confirmations(self, room: Room, confirmations: Confirmations) -> None:
        """Send them, unless they belong to another epoch of the feed: then the desk is asked which claims
        the room's students have."""
        if confirmations.epoch not in (None, room.epoch):
            room.missed_feed = True
            self._on_gap()
            self.heal_soon(room.name)
            return
        for student, drop_id, coupon in confirmations.confirmations:
            held = send_confirmed(room, student, drop_id, coupon)
            if self._traces is not None and held is not None:
                self._traces.confirmed(held.claim_id, held.won_at, now_ms())
        note_winners(room, confirmations.confirmations)

    def _take(self, room: Room, publication: Publication) -> None:
        if room.follows(publication):
            room.apply(publication, now_ms())
        elif not room.is_old(publication):
            self._on_gap()
            self.heal_soon(room.name)

    def _take_losses(self, room: Room, losses: Losses) -> None:
        if losses.offset is None or room.follows_losses(losses):
            self._send_losses(room, losses)
        elif losses.epoch != room.epoch or losses.offset > room.losses:
            self._on_gap()
            self.heal_soon(room.name)

    def _send_losses(self, room: Room, losses: Losses) -> None:
        if losses.offset is not None:
            room.losses = losses.offset
        for loss in losses.losses:
            send_loss(room, loss)

    # --- repairing ----------------------------------------------------------------------------

    def check_positions(self) -> None:
        """Compare every room with members with the feed. A lost publication that no other one follows
        is found only here."""
        self._coupon_changes.heal_soon()
        for room in self._rooms.by_name.values():
            if not room.is_empty:
                self.heal_soon(room.name)

    def heal_soon(self, name: str) -> None:
        """Start the repair of a room. A repair that is running is followed by another one: it may have
        read its state before whatever is missing was published."""
        if name in self._healing:
            self._heal_again.add(name)
            return
        healing = self._heal(name)  # a coroutine; closed below if it cannot run, to avoid a warning
        try:
            task = self._tasks.create_task(healing)
        except RuntimeError:  # the task group is closing: the process stops, and its rooms with it
            healing.close()
            return
        self._healing[name] = task
        task.add_done_callback(lambda ended: self._healed(name, ended))

    async def heal(self, room: Room) -> bool:
        """Repair the room, and return whether it has reached the position that the feed has now.

        Waits two seconds at most. A repair that is running already may have read its state before this
        call, so the one that follows it is waited for as well."""
        running = self._healing.get(room.name)
        self.heal_soon(room.name)
        try:
            async with asyncio.timeout(_HEAL_WAIT_SECONDS):
                if running is not None:
                    await asyncio.wait([running])
                # None: the repair that followed has ended too, or the process stops.
                task = self._healing.get(room.name)
                if task is not None:
                    await asyncio.wait([task])
        except TimeoutError:
            return False
        return task is None or not task.cancelled()

    def stop(self) -> None:
        self._coupon_changes.stop()
        for task in self._healing.values():
            task.cancel()

    def _healed(self, name: str, ended: asyncio.Task[None]) -> None:
        self._healing.pop(name, None)
        if name in self._heal_again:
            self._heal_again.discard(name)
            # Cancelled: the gateway stops. A repair begun now would be waited for, for as long as Redis is
            # away.
            if not ended.cancelled():
                self.heal_soon(name)

    async def _heal(self, name: str) -> None:
        seconds = _FIRST_HEAL_SECONDS
        # The room may have been closed during the pause.
        while (room := self._rooms.by_name.get(name)) is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self._catch_up(room)
                    await self._win_recovery.recheck_room(room)
            except (DeskUnavailableError, TimeoutError) as error:
                _log.warning("room_not_readable", room=name, error=repr(error))
                await asyncio.sleep(_HEAL_RETRY_SECONDS)
                seconds = _HEAL_SECONDS
            else:
                return

    async def _catch_up(self, room: Room) -> None:
        state = await self._reader.state(room.name)
        if room.is_at(state):
            return
        # Offsets of another epoch cannot be compared with ours: then only a reload helps.
        if state.epoch == room.epoch:
            await self._read_streams(room, state)
        if not room.has_reached(state):
            await self._reload(room, state)

    async def _read_streams(self, room: Room, state: RoomState) -> None:
        """Apply what the streams still have of the missing publications and losses."""
        if room.offset < state.offset:
            for publication in await self._reader.publications_since(room.name, room.offset):
                if room.follows(publication):
                    room.apply(publication, now_ms())
        if room.losses < state.losses:
            for losses in await self._reader.losses_since(room.name, room.losses):
                if room.follows_losses(losses):
                    self._send_losses(room, losses)

    async def _reload(self, room: Room, state: RoomState) -> None:
        """Replace the room's state and have its members welcomed anew. The counters are read first:
        `room.load` and the reset of the members must be one step without an await, or a member would get a
        publication of the new state before the welcome. A message that arrives during the read makes a gap
        of its own."""
        counts = await self._reader.counts(state)
        if not room.has_reached(state):
            room.load(state, counts)
            self._rooms.welcome_again(room)
