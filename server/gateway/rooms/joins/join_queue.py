"""Joins: from a good hello to the welcome. All who join one room at the same time are read together.

Called by `gateway.py`. There is one read at a time for each room, and those who come meanwhile wait for the
next one: ten thousand joins are a few dozen calls to Redis. The order matters. First the connection is
registered in the room, so that no frame for its student is missed; then the student's claims are read; then
the welcome is made of the room as it is at that moment.
"""

import asyncio
from collections.abc import Sequence

import structlog

from server.clock import now_ms
from server.core.draws.entries import Entry
from server.core.identity import Identity
from server.core.ids import DropId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_record import HeldClaim
from server.desk.drops.drop_desk import DropDesk
from server.desk.drops.task_desk import TaskOf
from server.gateway.rooms.feed.winners import told_to
from server.gateway.rooms.joins.room_loader import RoomLoader
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room
from server.gateway.sockets import close_reasons
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.session import Phase
from server.observability.metrics import Metrics

JOINS_PER_READ = 500
JOIN_SECONDS = 5.0
_log = structlog.get_logger()

ClaimsByDrop = dict[DropId, HeldClaim]  # drop id -> what the student has of it
Joiner = tuple[Connection, Identity]


class JoinQueue:
    """Owns one task for each room that somebody is joining."""

    def __init__(
        self, rooms: OpenRooms, loader: RoomLoader, drop_desk: DropDesk, metrics: Metrics
    ) -> None:
        self._loader = loader
        self._drop_desk = drop_desk
        self._rooms = rooms
        self._metrics = metrics
        self._waiting: dict[str, list[Connection]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    def add(self, name: str, joiners: Sequence[Connection]) -> None:
        """Queue connections for their welcome to the room `name`."""
        self._waiting.setdefault(name, []).extend(joiners)
        if name not in self._serving:
            task = asyncio.get_running_loop().create_task(self._serve(name))
            self._serving[name] = task
            task.add_done_callback(lambda done: self._served(name, done))

    async def welcome_again(self) -> None:
        """Queue the members of rooms whose state was read anew, until cancelled."""
        while True:
            name, members = await self._rooms.next_unwelcomed()
            self.add(name, members)

    async def snapshot(self, name: str, identity: Identity) -> bytes:
        """Return the room as this person is shown it, as the JSON of a `welcome`.

        Raises DeskUnavailableError where Redis does not answer."""
        room = await self._loader.load(name)
        await self._read_progress(room, [identity])
        held = await self._read_claims(room, [identity])
        entered = await self._read_entries(room, [identity])
        mine = held.get(identity.subject, {}), now_ms(), entered.get(identity.subject, {})
        return room.welcome_of(identity, *mine).text

    async def _read_claims(
        self, room: Room, identities: Sequence[Identity]
    ) -> dict[str, ClaimsByDrop]:
        """Return student -> drop id -> claim, of every drop that the room shows when this returns. One call
        reads all students; none is made where the room shows no drop. A drop that the room heard of during
        the read is read too: this gateway may have missed it, and the student may have won of it by way of
        another one."""
        students = list({i.subject for i in identities if i.may_claim_in(room.name)})
        held: dict[str, ClaimsByDrop] = {student: {} for student in students}
        read: set[str] = set()
        while students and (drops := [d for d in room.visible_drops(now_ms()) if d.id not in read]):
            found = await self._drop_desk.claims_of_students(drops, students)
            read.update(drop.id for drop in drops)
            for drop_id, student, claim in found:
                held[student][drop_id] = claim
        return held

    async def _read_progress(self, room: Room, identities: Sequence[Identity]) -> None:
        """Read how far the students are with the tasks of the room's drops, by one call; none where no drop
        has a task. A drop that comes meanwhile is new: nobody has done anything for it."""
        drops = [drop for drop in room.visible_drops(now_ms()) if drop.task is not None]
        if not drops:
            return
        students = list({i.subject for i in identities if i.may_claim_in(room.name)})
        tasks = [TaskOf(drop.shard, drop.id, drop.task) for drop in drops if drop.task is not None]
        found = await self._drop_desk.tasks.progress_of(tasks, students)
        for drop, of_drop in zip(drops, found, strict=True):
            for student, progress in of_drop.items():
                room.progress.set(drop.id, student, progress)

    async def _read_entries(
        self, room: Room, identities: Sequence[Identity]
    ) -> dict[str, dict[DropId, Entry]]:
        """Return student -> drop id -> entry, of the draws that the room shows. No call where it shows
        none."""
        students = list({i.subject for i in identities if i.may_claim_in(room.name)})
        entered: dict[str, dict[DropId, Entry]] = {}
        found = await self._drop_desk.draws.entries_of_students(
            room.visible_drops(now_ms()), students
        )
        for drop_id, student, entry in found:
            entered.setdefault(student, {})[drop_id] = entry
        return entered

    async def _serve(self, name: str) -> None:
        # Those who come during a read are in the next round.
        while waiting := self._waiting.pop(name, None):
            for start in range(0, len(waiting), JOINS_PER_READ):
                joiners = waiting[start : start + JOINS_PER_READ]
                try:
                    async with asyncio.timeout(JOIN_SECONDS):
                        await self._welcome(name, joiners)
                except (DeskUnavailableError, TimeoutError):
                    self._refuse(joiners)

    def _served(self, name: str, task: asyncio.Task[None]) -> None:
        """Log an unexpected error, and end those who wait, so that they come back; serve those who came
        while the task was ending."""
        del self._serving[name]
        if not task.cancelled() and task.exception() is not None:
            _log.error("joins_failed", room=name, exc_info=task.exception())
            self._refuse(self._waiting.pop(name, []))
        if name in self._waiting:
            self.add(name, ())

    async def _welcome(self, name: str, connections: Sequence[Connection]) -> None:
        room = await self._loader.load(name)
        joiners = [_joiner(c) for c in connections if _identity(c) is not None]
        for connection, identity in joiners:
            oldest = room.register(connection, identity) if _is_new(connection) else None
            if oldest is not None:
                oldest.end(close_reasons.TOO_MANY)
        identities = [identity for _, identity in joiners]
        await self._read_progress(room, identities)
        entered = await self._read_entries(room, identities)
        held = await self._read_claims(room, identities)
        # No await from here on: the room must not change between the making and the sending of a welcome.
        now = now_ms()
        for connection, identity in joiners:
            if not connection.is_open:
                room.remove(connection, identity)  # it closed during the read
                continue
            if _is_new(connection):
                self._metrics.ws_connects.labels("ok").inc()
            mine = held.get(identity.subject, {}), now, entered.get(identity.subject, {})
            welcome = room.welcome_of(identity, *mine)
            if told := told_to(room, identity, now):
                connection.send_private(told)  # kept, and sent behind the welcome
            room.send_welcome(connection, welcome)

    def _refuse(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            self._metrics.ws_connects.labels("unavailable").inc()
            connection.end(close_reasons.UNAVAILABLE)


def _is_new(connection: Connection) -> bool:
    """Return False for a member who is welcomed again."""
    return connection.session is not None and connection.session.phase is Phase.JOINING


def _identity(connection: Connection) -> Identity | None:
    return connection.session.identity if connection.session is not None else None


def _joiner(connection: Connection) -> Joiner:
    identity = _identity(connection)
    assert identity is not None
    return connection, identity
