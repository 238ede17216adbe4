"""Changes of coupons, sent to students in whichever room they are: one channel for all gateways.

Used by `room_loader.py` and `feed_follower.py`. The ledger moves a few hundred coupons a second at most, so
every gateway receives all changes and picks those of its own students. Each message has an offset. A gap is
filled from the stream beside the channel; where the stream has the missing messages no more, the members of
every room get a new welcome.
"""

import asyncio
from collections.abc import Callable, Sequence

import orjson
import structlog

from server.desk import DeskUnavailableError
from server.desk.feed.coupon_changes import Changes, CouponChange, load_changes
from server.desk.feed.feed import EVERYWHERE, Feed
from server.desk.feed.subscription import Subscription
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.sockets.frames import text_frame
from server.single_flight import SingleFlight

_HEAL_RETRY_SECONDS = 0.3
_HEAL_SECONDS = 5.0
_log = structlog.get_logger()


class CouponChanges:
    """`on_gap()` is called for each gap, for a metric. The task that
    fills gaps runs in `tasks`."""

    def __init__(
        self,
        *,
        rooms: OpenRooms,
        feed: Feed,
        subscription: Subscription,
        tasks: asyncio.TaskGroup,
        on_gap: Callable[[], None],
    ) -> None:
        self._rooms = rooms
        self._feed = feed
        self._subscription = subscription
        self._tasks = tasks
        self._on_gap = on_gap
        self._epoch = ""
        self._offset = -1  # -1: not listening yet
        self._starting: SingleFlight[str, None] = SingleFlight()
        self._healing: asyncio.Task[None] | None = None
        self._heal_again = False

    async def listen(self) -> None:
        """Subscribe before the first welcome is sent: changes published from then on arrive, and earlier ones
        are on the desk. Joins that wait here share one attempt, so they fail together where Redis hangs.

        Raises DeskUnavailableError where Redis does not answer."""
        if self._offset < 0:
            await self._starting.run(EVERYWHERE, self._start)

    async def _start(self) -> None:
        await self._subscription.add_room(EVERYWHERE)
        state = await self._feed.state(EVERYWHERE)
        self._epoch, self._offset = state.epoch, state.losses
        self.heal_soon()  # what was published between the two calls is in the stream

    def on_message(self, payload: bytes) -> None:
        changes = load_changes(orjson.loads(payload))
        if self._offset < 0:
            return
        if changes.epoch == self._epoch and changes.offset == self._offset + 1:
            self._take(changes)
        elif changes.epoch != self._epoch or changes.offset > self._offset:
            self._on_gap()
            self.heal_soon()

    def _take(self, changes: Changes) -> None:
        self._offset = changes.offset
        self._send(changes.changes)

    def _send(self, changes: Sequence[CouponChange]) -> None:
        """Send each change to all connections of its student, in whichever room."""
        rooms = self._rooms.all()
        for student, fields in changes:
            frame = text_frame(orjson.dumps(fields))
            for room in rooms:
                room.send_to_student(student, frame)

    def heal_soon(self) -> None:
        """Compare our offset with the stream's. A lost message that no other one follows is found only
        here. A comparison that is running is followed by another one."""
        if self._offset < 0:
            return
        if self._healing is not None:
            self._heal_again = True
            return
        healing = self._heal()
        try:
            self._healing = self._tasks.create_task(healing)
        except RuntimeError:  # the task group is closing: the process stops
            healing.close()
            return
        self._healing.add_done_callback(self._healed)

    def stop(self) -> None:
        if self._healing is not None:
            self._healing.cancel()

    def _healed(self, ended: asyncio.Task[None]) -> None:
        self._healing = None
        if self._heal_again:
            self._heal_again = False
            if not ended.cancelled():  # else the gateway stops
                self.heal_soon()

    async def _heal(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_HEAL_SECONDS):
                    await self._catch_up()
            except (DeskUnavailableError, TimeoutError) as error:
                _log.warning("coupon_news_not_readable", error=repr(error))
                await asyncio.sleep(_HEAL_RETRY_SECONDS)
            else:
                return

    async def _catch_up(self) -> None:
        """Read what is missing. A restart of Redis begins a new epoch and keeps the stream, so the stream is
        followed over it. A Redis that came back without its last entries has an offset below ours."""
        state = await self._feed.state(EVERYWHERE)
        if state.losses > self._offset:
            for changes in await self._feed.changes_since(self._offset):
                if changes.offset == self._offset + 1:
                    self._take(changes)
        is_older_copy = state.epoch != self._epoch and state.losses < self._offset
        if self._offset < state.losses or is_older_copy:
            self._offset = state.losses
            for room in self._rooms.all():
                self._rooms.welcome_again(room)
        self._epoch = state.epoch
