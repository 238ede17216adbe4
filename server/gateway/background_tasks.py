"""The jobs that a gateway does by the clock for its sockets: pings, deadlines, housekeeping, metrics.

`factory.py` lists these jobs together with those of `room_status.py` and `win_recovery.py`, and runs them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import NamedTuple

import structlog

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.feed.subscription import Subscription
from server.frames import wire
from server.gateway.gateway import Gateway
from server.gateway.rooms.broadcast import OnSent, Published
from server.gateway.rooms.feed.feed_follower import FeedFollower
from server.gateway.rooms.joins.room_loader import RoomLoader
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.frames import text_frame
from server.gateway.sockets.session import Phase
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.observability.tracing import Traces

PING_PASSES = 25  # passes in which every socket is pinged once: with one a second, each 25 s
ENDS_PER_TURN = 50  # an end takes 0.1 ms, and those of a flood of silent sockets come together
FEED_SILENCE_SECONDS = 2.0  # the heartbeat comes each half second; beyond this the feed is not well
_CLOCK_STEP_MS = 1_000  # a clock that is slewed moves less than this between two passes
# While a broadcast is being written, pings wait for it: at most half a second.
_WAIT_SECONDS, _WAITS = 0.02, 25
_log = structlog.get_logger()


class Job(NamedTuple):
    """`interval_s`: seconds between the end of one run and the next one."""

    name: str
    interval_s: float
    run: Callable[[], Awaitable[None]]


async def repeat(job: Job) -> None:
    """Run a job until cancelled. It goes on while Redis is away: the next run may find it back."""
    while True:
        await asyncio.sleep(job.interval_s)
        try:
            await job.run()
        except DeskUnavailableError as error:
            _log.warning("upkeep_skipped", job=job.name, error=str(error))


class SocketMaintenance:
    def __init__(
        self,
        gateway: Gateway,
        follower: FeedFollower,
        loader: RoomLoader,
        subscription: Subscription,
        health: Health,
    ) -> None:
        self._gateway = gateway
        self._follower = follower
        self._loader = loader
        self._subscription = subscription
        self._health = health
        self._pass = 0
        self._clock_offset = now_ms() - int(monotonic() * 1000)

    async def ping_some(self) -> None:
        """Ping one in PING_PASSES of the live sockets and end those of them that have been silent too long;
        end every socket that has not said hello in time.

        A drop that is being written to everybody goes first: the pings of one pass take a tenth as long."""
        await self._broadcasts_sent()
        now = now_ms()
        self._allow_for_clock_steps(now)
        frame = text_frame(wire.ping(now))
        self._pass = (self._pass + 1) % PING_PASSES
        ended = 0
        for connection in list(self._gateway.connections):
            session = connection.session
            if session is None or session.phase is Phase.JOINING:
                continue
            is_live = session.phase is Phase.LIVE
            if is_live and _pass_of(connection) != self._pass:
                continue
            end = session.tick(now)
            if end is not None:
                connection.end(end.why)
                ended += 1
                if ended % ENDS_PER_TURN == 0:
                    await asyncio.sleep(0)
            elif is_live:
                connection.write(frame)

    def _allow_for_clock_steps(self, now: int) -> None:
        """Shift the sessions' times when the wall clock was set: otherwise a clock set forward by a minute
        would make every socket look silent, and end them all."""
        offset = now - int(monotonic() * 1000)
        moved, self._clock_offset = offset - self._clock_offset, offset
        if abs(moved) < _CLOCK_STEP_MS:
            return
        for connection in self._gateway.connections:
            if connection.session is not None:
                connection.session.shift_clock(moved, now)

    async def _broadcasts_sent(self) -> None:
        for _ in range(_WAITS):
            if not any(room.is_sending for room in self._gateway.rooms.values()):
                return
            await asyncio.sleep(_WAIT_SECONDS)

    async def housekeep(self) -> None:
        now = now_ms()
        self._gateway.taps.prune(now)
        self._gateway.answers.prune(now)
        self._gateway.connection_limiter.prune(now)
        self._follower.check_positions()
        await self._loader.close_empty_rooms(now)

    async def report(self) -> None:
        """Update metrics and `/readyz`, and take back allowances that are used up."""
        self._gateway.allowances.update(now_ms())
        age = self._subscription.heartbeat_age
        self._gateway.metrics.heartbeat_age.set(age)
        self._gateway.taps.report(self._gateway.metrics)
        self._health.report("feed", age < FEED_SILENCE_SECONDS, f"last heard {age:.1f} s ago", 5.0)


def observe_sent(metrics: Metrics, traces: Traces | None = None, process: str = "") -> OnSent:
    """Return the callback that puts a finished broadcast into the metrics, and cards into the traces."""

    def observe(seconds: float, published: Sequence[Published]) -> None:
        metrics.broadcast_duration.observe(seconds)
        now = now_ms()
        for one in published:
            # `at` is by Redis' clock and `now` by ours: they may differ a little.
            metrics.push_delay.observe(max(0, now - one.at) / 1000)
            if traces is not None and one.is_card:
                traces.card(one.drop_id, one.room, process, one.at, now)

    return observe


def _pass_of(connection: Connection) -> int:
    """Spread connections evenly over the passes. The lowest bits of an address are alike for all objects."""
    return (id(connection) >> 6) % PING_PASSES
