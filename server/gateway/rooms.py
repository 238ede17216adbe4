"""The rooms with somebody in them: read when the first comes in, kept true by the feed, healed.

Called by `gateway.py`. The feed may lose publications (it says so by offset, epoch or reconnect):
then the stream has them, and where it has not, the whole state is read and everybody is welcomed
anew. No publication is shown twice, none is skipped. Losses go the same way, in a stream of their own;
a confirmation is in none, so after each gap what the room's students hold is read from the desk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import orjson
import structlog

from server import wire
from server.clock import now_ms
from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.claims import ClaimState
from server.core.ids import DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claim_record import HeldClaim
from server.desk.coupon_changes import CouponChange
from server.desk.drop_desk import DropDesk
from server.desk.drop_state import DeskCounts
from server.desk.feed import (
    EVERYWHERE,
    Confirmations,
    Feed,
    Loss,
    Losses,
    Publication,
    RoomState,
    load_confirmations,
    load_losses,
    load_publication,
)
from server.desk.subscription import Subscription
from server.gateway.broadcast import OnSent
from server.gateway.coupon_changes import CouponNews
from server.gateway.frames import text_frame
from server.gateway.room import Room, shown

EMPTY_ROOM_KEPT_MS = 30_000
_HEAL_RETRY_SECONDS = 0.3
# A healthy Redis answers in milliseconds; a connection that died with the feed's never does, and the next
# try has another one.
_FIRST_HEAL_SECONDS = 1.0
_HEAL_SECONDS = 5.0
# What is told of a claim that is no longer the student's, and why.
_LOSSES = {
    ClaimState.REVOKED: ("claim_revoked", "taken_back"),
    ClaimState.RELEASED: ("coupon_released", HOLD_ENDED),
}
_log = structlog.get_logger()


class Rooms:
    """`on_state_lost(room)` is called when the state was read afresh and the members have to be welcomed
    again; `recheck(room)` after each catching up, for what single students were to be told; `on_gap()` for
    every gap, for metrics. Reading tasks belong to `tasks`."""

    def __init__(
        self,
        *,
        feed: Feed,
        drop_desk: DropDesk,
        tasks: asyncio.TaskGroup,
        on_gap: Callable[[], None],
        on_sent: OnSent,
    ) -> None:
        self._feed = feed
        self._drop_desk = drop_desk
        self._tasks = tasks
        self._on_gap = on_gap
        self._on_sent = on_sent
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, asyncio.Task[Room]] = {}
        self._healing: dict[str, asyncio.Task[None]] = {}
        self._heal_again: set[str] = set()
        self._empty_since: dict[str, int] = {}
        self._coupon_news = CouponNews(feed, self, tasks, on_gap)
        # Made after us, because they call us.
        self.subscription: Subscription | None = None
        self.on_state_lost: Callable[[Room], None] = lambda _room: None
        self.recheck: Callable[[Room], Awaitable[None]] = _nothing

    def all(self) -> list[Room]:
        return list(self._rooms.values())

    def get(self, name: str) -> Room | None:
        """The room, if its state has been read."""
        return self._rooms.get(name)

    async def load(self, name: str) -> Room:
        """Reads it once for all who wait. DeskUnavailableError where Redis cannot say."""
        room = self._rooms.get(name)
        if room is not None:
            return room
        task = self._loading.get(name)
        if task is None:
            task = self._loading[name] = asyncio.ensure_future(self._read(name))
            task.add_done_callback(lambda _: self._loading.pop(name, None))
        return await asyncio.shield(task)

    async def _read(self, name: str) -> Room:
        """Subscribed before it is read, so that nothing falls between."""
        assert self.subscription is not None
        await self._coupon_news.listen(self.subscription)
        await self.subscription.add_room(name)
        room = Room(name, self._on_sent)
        await self._read_state(room)
        self._rooms[name] = room
        self._heal_soon(name)  # what was published between the two reads is in the stream
        return room

    async def _read_state(self, room: Room) -> None:
        state = await self._feed.state(room.name)
        room.load(state, await self._counts_of(state))

    async def _counts_of(self, state: RoomState) -> dict[str, DeskCounts]:
        """The counters of what a room in this state shows, as the desk has them now."""
        drops = shown(state.drops, now_ms())
        if not drops:
            return {}
        found = await self._drop_desk.counts_of_many([(d.shard, d.id) for d in drops])
        counted = zip(drops, found, strict=True)
        return {drop.id: counts for drop, counts in counted if counts is not None}

    # --- the feed -----------------------------------------------------------------------------

    def on_message(self, name: str, payload: bytes) -> None:
        """One message of a room's channel. Confirmations and losses are the student's own."""
        if name == EVERYWHERE:
            self._coupon_news.on_message(payload)
            return
        room = self._rooms.get(name)
        if room is None:
            return
        confirmations = load_confirmations(payload)
        if confirmations is not None:
            self._take_confirmations(room, confirmations)
            return
        message = orjson.loads(payload)
        if message["kind"] == "lost":
            self._take_losses(room, load_losses(message))
        else:
            self._take(room, load_publication(message))

    def _take_confirmations(self, room: Room, confirmations: Confirmations) -> None:
        """Those of another feed are not of this room: the desk is asked what its students hold."""
        if confirmations.epoch not in (None, room.epoch):
            room.was_deaf = True
            self._on_gap()
            self._heal_soon(room.name)
            return
        for student, drop_id, coupon in confirmations.confirmations:
            self.confirmed(room, student, drop_id, coupon)

    def confirmed(self, room: Room, student: StudentId, drop_id: DropId, coupon: bytes) -> None:
        room.unconfirmed.pop((drop_id, student), None)
        room.tell_student(student, text_frame(wire.claim_confirmed(drop_id, coupon)))

    def lost(self, room: Room, loss: Loss) -> None:
        room.unconfirmed.pop((loss.drop_id, loss.student), None)
        frame = wire.claim_lost(loss.frame, loss.drop_id, loss.coupon_id, loss.reason)
        room.tell_student(loss.student, text_frame(frame))

    def taken_back(self, room: Room, student: StudentId, drop_id: DropId, held: HeldClaim) -> None:
        """The desk has it as released or revoked."""
        frame, reason = _LOSSES[held.state]
        self.lost(room, Loss(frame, student, drop_id, held.coupon_id, reason))

    def on_reconnect(self) -> None:
        """Every room may have missed something."""
        self._coupon_news.heal_soon()
        for name, room in self._rooms.items():
            room.was_deaf = True
            self._heal_soon(name)

    def _take(self, room: Room, publication: Publication) -> None:
        if room.follows(publication):
            room.apply(publication, now_ms())
        elif not room.is_old(publication):
            self._on_gap()
            self._heal_soon(room.name)

    def _take_losses(self, room: Room, told: Losses) -> None:
        if told.offset is None or room.follows_losses(told):
            self._tell_losses(room, told)
        elif told.epoch != room.epoch or told.offset > room.losses:
            self._on_gap()
            self._heal_soon(room.name)

    def _tell_losses(self, room: Room, told: Losses) -> None:
        if told.offset is not None:
            room.losses = told.offset
        for loss in told.losses:
            self.lost(room, loss)

    def check_positions(self) -> None:
        """Is every room where its feed is? A lost publication with none after it shows only so."""
        self._coupon_news.heal_soon()
        for room in self._rooms.values():
            if not room.is_empty:
                self._heal_soon(room.name)

    # --- coupons ------------------------------------------------------------------------------

    def tell_changes(self, changes: Sequence[CouponChange]) -> None:
        """To all connections of each student, in whichever room."""
        rooms = self.all()
        for student, frame in changes:
            told = text_frame(orjson.dumps(frame))
            for room in rooms:
                room.tell_student(student, told)

    def state_lost(self) -> None:
        for room in self.all():
            self.on_state_lost(room)

    # --- healing ------------------------------------------------------------------------------

    def _heal_soon(self, name: str) -> None:
        if name in self._healing:
            self._heal_again.add(name)
            return
        healing = self._heal(name)
        try:
            task = self._tasks.create_task(healing)
        except RuntimeError:  # the process is going, and takes its rooms along
            healing.close()
            return
        self._healing[name] = task
        task.add_done_callback(lambda _: self._healed(name))

    def _healed(self, name: str) -> None:
        self._healing.pop(name, None)
        if name in self._heal_again:
            self._heal_again.discard(name)
            self._heal_soon(name)

    async def heal(self, room: Room) -> None:
        """Until the room is at the feed's position; for those who doubt it."""
        self._heal_soon(room.name)
        task = self._healing.get(room.name)
        if task is not None:
            await asyncio.wait([task], timeout=2.0)

    async def _heal(self, name: str) -> None:
        seconds = _FIRST_HEAL_SECONDS
        while (room := self._rooms.get(name)) is not None:
            try:
                async with asyncio.timeout(seconds):
                    await self._catch_up(room)
                    await self.recheck(room)
            except (DeskUnavailableError, TimeoutError) as error:
                _log.warning("room_not_readable", room=name, error=repr(error))
                await asyncio.sleep(_HEAL_RETRY_SECONDS)
                seconds = _HEAL_SECONDS
            else:
                return

    async def _catch_up(self, room: Room) -> None:
        state = await self._feed.state(room.name)
        if room.is_at(state):
            return
        if state.epoch == room.epoch:
            await self._follow(room, state)
        if not room.has_reached(state):
            await self._start_over(room, state)

    async def _start_over(self, room: Room, state: RoomState) -> None:
        """Counted before it is loaded: from then on the room follows the feed again, and its members must
        not hear a step of it before they are welcomed. What comes meanwhile is a gap of its own."""
        counts = await self._counts_of(state)
        if not room.has_reached(state):
            room.load(state, counts)
            self.on_state_lost(room)

    async def _follow(self, room: Room, state: RoomState) -> None:
        """As far as the streams go."""
        if room.offset < state.offset:
            for publication in await self._feed.publications_since(room.name, room.offset):
                if room.follows(publication):
                    room.apply(publication, now_ms())
        if room.losses < state.losses:
            for losses in await self._feed.losses_since(room.name, room.losses):
                if room.follows_losses(losses):
                    self._tell_losses(room, losses)

    def stop(self) -> None:
        self._coupon_news.stop()
        for task in self._healing.values():
            task.cancel()

    # --- leaving ------------------------------------------------------------------------------

    async def forget_empty(self, now: int) -> None:
        """Rooms without anybody for a while are no longer listened to."""
        assert self.subscription is not None
        for room in self.all():
            if not room.is_empty:
                self._empty_since.pop(room.name, None)
            elif now - self._empty_since.setdefault(room.name, now) >= EMPTY_ROOM_KEPT_MS:
                del self._rooms[room.name], self._empty_since[room.name]
                await self.subscription.drop_room(room.name)


async def _nothing(_room: Room) -> None:
    pass
