"""What students are told of their coupons in whichever room: one channel that every gateway listens to.

Used by `rooms.py`. How many coupons move in a second is limited by the ledger (some hundreds), so each
gateway hears of all and picks its own students, over all its rooms. A message that was lost is found in the
stream beside the channel, by its offset; where the stream has it no more, every room is welcomed anew.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import orjson
import structlog

from server.desk import DeskUnavailableError
from server.desk.coupon_changes import Changes, CouponChange, load_changes
from server.desk.feed import EVERYWHERE, Feed
from server.desk.subscription import Subscription
from server.single_flight import SingleFlight

_HEAL_RETRY_SECONDS = 0.3
_HEAL_SECONDS = 5.0
_log = structlog.get_logger()


class Listener(Protocol):
    """`rooms.py`. `tell_changes` reaches the students who are here; `state_lost` is called where
    nobody knows what was missed."""

    def tell_changes(self, changes: Sequence[CouponChange]) -> None: ...

    def state_lost(self) -> None: ...


class CouponNews:
    """`on_gap()` for every gap, for metrics. Healing belongs to `tasks`."""

    def __init__(
        self, feed: Feed, listener: Listener, tasks: asyncio.TaskGroup, on_gap: Callable[[], None]
    ) -> None:
        self._feed = feed
        self._listener = listener
        self._tasks = tasks
        self._on_gap = on_gap
        self._epoch = ""
        self._offset = -1  # nothing read yet
        self._starting: SingleFlight[str, None] = SingleFlight()
        self._healing: asyncio.Task[None] | None = None
        self._heal_again = False

    async def listen(self, subscription: Subscription) -> None:
        """Subscribe before the first welcome is sent: changes published from then on arrive, and earlier ones
        are on the desk. Joins that wait here share one attempt, so they fail together where Redis hangs.

        Raises DeskUnavailableError where Redis does not answer."""
        if self._offset < 0:
            await self._starting.share(EVERYWHERE, lambda: self._start(subscription))

    async def _start(self, subscription: Subscription) -> None:
        await subscription.add_room(EVERYWHERE)
        state = await self._feed.state(EVERYWHERE)
        self._epoch, self._offset = state.epoch, state.losses
        self.heal_soon()  # what was published between the two calls is in the stream

    def on_message(self, payload: bytes) -> None:
        told = load_changes(orjson.loads(payload))
        if self._offset < 0:
            return
        if told.epoch == self._epoch and told.offset == self._offset + 1:
            self._take(told)
        elif told.epoch != self._epoch or told.offset > self._offset:
            self._on_gap()
            self.heal_soon()

    def _take(self, told: Changes) -> None:
        self._offset = told.offset
        self._listener.tell_changes(told.changes)

    def heal_soon(self) -> None:
        """Is everything heard that was told? A lost message with none after it shows only so."""
        if self._offset < 0:
            return
        if self._healing is not None:
            self._heal_again = True
            return
        healing = self._heal()
        try:
            self._healing = self._tasks.create_task(healing)
        except RuntimeError:  # the process is going
            healing.close()
            return
        self._healing.add_done_callback(self._healed)

    def _healed(self, _: asyncio.Task[None]) -> None:
        self._healing = None
        if self._heal_again:
            self._heal_again = False
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
        """A restart of Redis begins a new epoch and keeps the stream, so it can be followed over that. Where
        it came back without its last entries the offset is lower than ours."""
        state = await self._feed.state(EVERYWHERE)
        if state.losses > self._offset:
            for told in await self._feed.changes_since(self._offset):
                if told.offset == self._offset + 1:
                    self._take(told)
        is_older_copy = state.epoch != self._epoch and state.losses < self._offset
        if self._offset < state.losses or is_older_copy:
            self._offset = state.losses
            self._listener.state_lost()
        self._epoch = state.epoch

    def stop(self) -> None:
        if self._healing is not None:
            self._healing.cancel()
