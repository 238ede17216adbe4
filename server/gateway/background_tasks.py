"""The gateway's own clock: what is due every so often, and whose task it is.

`running` owns every task of a gateway; the composition root runs it beside the server and leaves it at
the end. What rooms are told is in room_status.py; here are the sockets: pings, silence, and whether the
feed is heard.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

import structlog

from server import wire
from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.subscription import Subscription
from server.gateway.broadcast import OnSent
from server.gateway.connection import Connection
from server.gateway.frames import text_frame
from server.gateway.gateway import Gateway
from server.gateway.join_queue import JoinQueue
from server.gateway.room_status import RoomNews
from server.gateway.rooms import Rooms
from server.gateway.session import Phase
from server.gateway.win_recovery import LostWins
from server.telemetry import Health, Metrics

PROGRESS_SECONDS = 1.0
PRESENCE_SECONDS = 2.0
SEEN_SECONDS = 0.5
RECHECK_SECONDS = 2.0
DESKS_SECONDS = 0.5
TOKEN_ENDS_SECONDS = 0.5  # nobody hears anything a second after their token has ended
PING_SECONDS = 25
_STEP_MS = 1_000  # clocks that are only a little fast or slow move less between two looks
HOUSEKEEPING_SECONDS = 10.0
# Where rooms say one thing after the other, pings go out between them after half a second.
_LOOK_SECONDS, _LOOKS = 0.02, 25
ENDS_IN_A_ROW = (
    50  # then the loop serves claims: an end is 0.1 ms, and a flood of the mute ends together
)
_log = structlog.get_logger()


class Upkeep:
    def __init__(self, gateway: Gateway, subscription: Subscription, health: Health) -> None:
        self._gateway = gateway
        self._subscription = subscription
        self._health = health
        self._tick = 0
        self._offset = now_ms() - int(monotonic() * 1000)  # of the wall clock, as last seen

    async def ping_some(self) -> None:
        """Each second one twenty-fifth of those who are in: everybody hears from us, and is looked
        at, every 25 s. Who has not said hello is looked at each time. A card that is just going out goes
        first: these pings take as long as a tenth of it."""
        await self._broadcasts_sent()
        now = now_ms()
        self._allow_for_steps(now)
        frame = text_frame(wire.ping(now))
        self._tick = (self._tick + 1) % PING_SECONDS
        ended = 0
        for connection in list(self._gateway.connections):
            session = connection.session
            if session is None or session.phase is Phase.JOINING:
                continue
            is_live = session.phase is Phase.LIVE
            if is_live and _slot(connection) != self._tick:
                continue
            end = session.tick(now)
            if end is not None:
                connection.end(end.closing)
                ended += 1
                if ended % ENDS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
            elif is_live:
                connection.write(frame)

    def _allow_for_steps(self, now: int) -> None:
        """A wall clock that is set on by a minute would make everybody seem silent, and end all sockets."""
        offset = now - int(monotonic() * 1000)
        moved, self._offset = offset - self._offset, offset
        if abs(moved) < _STEP_MS:
            return
        for connection in self._gateway.connections:
            if connection.session is not None:
                connection.session.clock_moved(moved, now)

    async def _broadcasts_sent(self) -> None:
        for _ in range(_LOOKS):
            if not any(room.is_sending for room in self._gateway.rooms.all()):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def look_after(self) -> None:
        now = now_ms()
        self._gateway.taps.forget_full_buckets(now)
        self._gateway.connection_limiter.forget_reformed(now)
        self._gateway.rooms.check_positions()
        await self._gateway.rooms.forget_empty(now)

    async def report(self) -> None:
        self._gateway.allowances.look(now_ms())
        age = self._subscription.heartbeat_age
        self._gateway.metrics.heartbeat_age.set(age)
        self._gateway.taps.report(self._gateway.metrics)
        self._health.report("feed", age < PRESENCE_SECONDS, f"last heard {age:.1f} s ago", 5.0)


def observe_sent(metrics: Metrics) -> OnSent:
    def observe(seconds: float, published: Sequence[int]) -> None:
        metrics.broadcast_duration.observe(seconds)
        now = now_ms()
        for at in published:
            # Redis' clock and ours: a little apart, they would give less than nothing.
            metrics.push_delay.observe(max(0, now - at) / 1000)

    return observe


def _slot(connection: Connection) -> int:
    return (id(connection) >> 6) % PING_SECONDS


async def _every(seconds: float, job: Callable[[], Awaitable[None]]) -> None:
    """Redis being away is no reason to stop: the next pass will find it back."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await job()
        except DeskUnavailableError as error:
            _log.warning("upkeep_skipped", job=job.__name__, error=str(error))


@asynccontextmanager
async def running(
    gateway: Gateway, make_subscription: Callable[[Rooms], Subscription], health: Health
) -> AsyncIterator[None]:
    """The gateway lives inside this context. `make_subscription` gets the rooms, because each needs
    the other."""
    async with asyncio.TaskGroup() as tasks:
        rooms = Rooms(
            feed=gateway.feed,
            drop_desk=gateway.drop_desk,
            tasks=tasks,
            on_gap=gateway.metrics.feed_gaps.inc,
            on_sent=observe_sent(gateway.metrics),
        )
        gateway.rooms = rooms
        gateway.joins = JoinQueue(rooms, gateway.drop_desk, gateway.metrics)
        rooms.on_state_lost = gateway.joins.welcome_again
        subscription = rooms.subscription = make_subscription(rooms)
        upkeep = Upkeep(gateway, subscription, health)
        lost_wins = LostWins(
            rooms, gateway.claim_desk, gateway.drop_desk, gateway.joins.welcome_again
        )
        rooms.recheck = lost_wins.recheck_room
        news = RoomNews(rooms, gateway.drop_desk, gateway.feed, gateway.id)
        jobs = [
            tasks.create_task(subscription.run()),
            tasks.create_task(_every(PROGRESS_SECONDS, news.tell_progress)),
            tasks.create_task(_every(PRESENCE_SECONDS, news.report_presence)),
            tasks.create_task(_every(SEEN_SECONDS, news.tell_seen)),
            tasks.create_task(_every(RECHECK_SECONDS, lost_wins.recheck_unconfirmed)),
            tasks.create_task(_every(DESKS_SECONDS, lost_wins.watch_desks)),
            tasks.create_task(_every(1.0, upkeep.ping_some)),
            tasks.create_task(_every(TOKEN_ENDS_SECONDS, gateway.end_expired)),
            tasks.create_task(_every(1.0, upkeep.report)),
            tasks.create_task(_every(HOUSEKEEPING_SECONDS, upkeep.look_after)),
        ]
        await upkeep.report()
        yield
        for job in jobs:
            job.cancel()
        rooms.stop()
