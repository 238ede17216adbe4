"""The gateway's own clock: progress, presence, pings, silence, healing what the feed did not say.

`run` owns every task of a gateway; the composition root runs it beside the server and cancels it at
the end. Each pass is bounded by what is live: an idle room costs one entry in a dict.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from server import wire
from server.core.claims import ClaimState
from server.core.drops import DropState, RoomDrop
from server.desk import DeskUnavailableError
from server.desk.subscription import Subscription
from server.gateway.connection import Connection, now_ms
from server.gateway.frames import text_frame
from server.gateway.gateway import Gateway
from server.gateway.joins import Joins
from server.gateway.room import Room
from server.gateway.rooms import Rooms
from server.gateway.session import Phase
from server.telemetry import Health

PROGRESS_SECONDS = 1.0
PRESENCE_SECONDS = 2.0
SEEN_SECONDS = 0.5
RECHECK_SECONDS = 2.0
PING_SECONDS = 25
HOUSEKEEPING_SECONDS = 10.0
_log = structlog.get_logger()


class Upkeep:
    def __init__(self, gateway: Gateway, subscription: Subscription, health: Health) -> None:
        self._gateway = gateway
        self._subscription = subscription
        self._health = health
        self._sent: dict[tuple[str, str], tuple[object, ...]] = {}  # (room, drop) -> last progress
        self._sent_present: dict[str, int] = {}
        self._tick = 0

    # --- progress -----------------------------------------------------------------------------

    async def tell_progress(self) -> None:
        """Counters of live drops: at most once a second, only what has changed, the latest only."""
        now = now_ms()
        live = [
            (room, drop)
            for room in self._gateway.rooms.all()
            if not room.is_empty
            for drop in room.live_drops(now)
        ]
        self._forget_sent({(room.name, drop.id) for room, drop in live})
        if not live:
            return
        desk = self._gateway.drop_desk
        found = await desk.counts_of_many([(drop.shard, drop.id) for _, drop in live])
        for (room, drop), counts in zip(live, found, strict=True):
            if counts is not None:
                room.counts[drop.id] = counts
        boards = await self._boards([(room, drop) for room, drop in live if room.instructors])
        for room, drop in live:
            self._tell_students(room, drop, now)
            self._tell_instructors(room, drop, boards.get(drop.id), now)

    async def _boards(self, wanted: list[tuple[Room, RoomDrop]]) -> dict[str, dict[str, int]]:
        if not wanted:
            return {}
        feed = self._gateway.feed
        boards = await feed.read_boards([(room.name, drop.id) for room, drop in wanted])
        return {drop.id: board for (_, drop), board in zip(wanted, boards, strict=True)}

    def _tell_students(self, room: Room, drop: RoomDrop, now: int) -> None:
        remaining, state = room.remaining(drop), room.state_of(drop, now)
        if not self._is_news((room.name, drop.id), (remaining, state)):
            return
        more = {"present": room.present}
        frame = text_frame(wire.drop_progress(drop.id, remaining, state, more))
        room.broadcast(frame, drop.audience)

    def _tell_instructors(
        self, room: Room, drop: RoomDrop, board: dict[str, int] | None, now: int
    ) -> None:
        counts = room.counts.get(drop.id)
        if board is None or counts is None:
            return
        counters = {
            **board,
            "quantity": counts.quantity,
            "claimed": counts.claimed,
            "confirmed": counts.confirmed,
            "present": room.present,
        }
        state: DropState = room.state_of(drop, now)
        if self._is_news((f"{room.name}!", drop.id), tuple(sorted(counters.items()))):
            room.tell_instructors(
                text_frame(wire.drop_progress(drop.id, counts.remaining, state, counters))
            )

    def _is_news(self, key: tuple[str, str], figures: tuple[object, ...]) -> bool:
        if self._sent.get(key) == figures:
            return False
        self._sent[key] = figures
        return True

    def _forget_sent(self, live: set[tuple[str, str]]) -> None:
        for key in [k for k in self._sent if (k[0].removesuffix("!"), k[1]) not in live]:
            del self._sent[key]

    # --- presence and reach -------------------------------------------------------------------

    async def tell_presence(self) -> None:
        for room in self._gateway.rooms.all():
            students = len(room.students)
            room.present = await self._gateway.feed.tell_presence(
                room.name, self._gateway.id, students
            )
            if self._sent_present.get(room.name) != room.present:
                self._sent_present[room.name] = room.present
                room.tell_instructors(text_frame(wire.presence(room.present)))

    async def tell_seen(self) -> None:
        for room in self._gateway.rooms.all():
            for drop_id, students in list(room.seen.items()):
                told = list(students)
                if told:
                    await self._gateway.feed.add_seen(room.name, drop_id, told)
                    students.difference_update(told)
                if drop_id not in room.drops:
                    del room.seen[drop_id]

    # --- what must not stay unsaid ------------------------------------------------------------

    async def recheck_unconfirmed(self) -> None:
        """A confirmation that was published while nobody listened: the desk still has it."""
        for room in self._gateway.rooms.all():
            room.unconfirmed = {one for one in room.unconfirmed if one[1] in room.students}
            wanted: dict[str, list[str]] = {}
            for drop_id, student in room.unconfirmed:
                wanted.setdefault(drop_id, []).append(student)
            for drop_id, students in wanted.items():
                drop = room.drops.get(drop_id)
                if drop is not None:
                    await self._recheck(room, drop, students)

    async def _recheck(self, room: Room, drop: RoomDrop, students: list[str]) -> None:
        (row,) = await self._gateway.drop_desk.claims_of([(drop.shard, drop.id, students)])
        for student, held in zip(students, row, strict=True):
            if held is None or held.state is ClaimState.WON:
                continue
            room.unconfirmed.discard((drop.id, student))
            if held.state is ClaimState.CONFIRMED:
                self._gateway.rooms.confirmed(room, student, drop.id, held.coupon)

    # --- pings and silence --------------------------------------------------------------------

    async def ping_some(self) -> None:
        """Each second one twenty-fifth of the connections: everybody hears from us every 25 s."""
        now = now_ms()
        frame = text_frame(wire.ping(now))
        self._tick = (self._tick + 1) % PING_SECONDS
        for connection in list(self._gateway.connections):
            session = connection.session
            if session is None:
                continue
            end = session.tick(now) if session.phase is not Phase.JOINING else None
            if end is not None:
                connection.end(end.closing)
            elif session.phase is Phase.LIVE and _slot(connection) == self._tick:
                connection.write(frame)

    async def look_after(self) -> None:
        now = now_ms()
        self._gateway.forget_full_buckets(now)
        self._gateway.rooms.check_positions()
        await self._gateway.rooms.forget_empty(now)

    async def report(self) -> None:
        age = self._subscription.heartbeat_age
        self._gateway.metrics.heartbeat_age.set(age)
        self._health.report("feed", age < PRESENCE_SECONDS, f"last heard {age:.1f} s ago", 5.0)


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
            on_broadcast=gateway.metrics.broadcast_duration.observe,
        )
        gateway.rooms = rooms
        gateway.joins = Joins(rooms, gateway.drop_desk, gateway.metrics)
        rooms.on_state_lost = gateway.joins.welcome_again
        subscription = rooms.subscription = make_subscription(rooms)
        upkeep = Upkeep(gateway, subscription, health)
        jobs = [
            tasks.create_task(subscription.run()),
            tasks.create_task(_every(PROGRESS_SECONDS, upkeep.tell_progress)),
            tasks.create_task(_every(PRESENCE_SECONDS, upkeep.tell_presence)),
            tasks.create_task(_every(SEEN_SECONDS, upkeep.tell_seen)),
            tasks.create_task(_every(RECHECK_SECONDS, upkeep.recheck_unconfirmed)),
            tasks.create_task(_every(1.0, upkeep.ping_some)),
            tasks.create_task(_every(1.0, upkeep.report)),
            tasks.create_task(_every(HOUSEKEEPING_SECONDS, upkeep.look_after)),
        ]
        await upkeep.report()
        yield
        for job in jobs:
            job.cancel()
        rooms.stop()
