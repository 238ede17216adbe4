"""From a good hello to the welcome: who joins a room is read together, one read at a time.

Called by `gateway.py`. A burst of ten thousand joins is then a few dozen calls to Redis, each as large as
the last one was slow. Order: registered in the room first, so that nothing of the student's is missed;
then their claims are read; then the welcome is made of the room as it is at that moment.
"""

import asyncio
from collections.abc import Sequence

import structlog

from server.clock import now_ms
from server.core.identity import Identity
from server.core.ids import DropId
from server.desk import DeskUnavailableError
from server.desk.claim_record import HeldClaim
from server.desk.drop_desk import DropDesk
from server.gateway import close_reasons
from server.gateway.connection import Connection
from server.gateway.room import Room
from server.gateway.rooms import Rooms
from server.gateway.session import Phase
from server.telemetry import Metrics

AT_ONCE = 500
JOIN_SECONDS = 5.0
_log = structlog.get_logger()

Held = dict[DropId, HeldClaim]  # drop id -> what the student has of it
Joiner = tuple[Connection, Identity]


class JoinQueue:
    """`rooms` is the gateway's; its tasks are owned here, one for each room somebody is joining."""

    def __init__(self, rooms: Rooms, drop_desk: DropDesk, metrics: Metrics) -> None:
        self._rooms = rooms
        self._drop_desk = drop_desk
        self._metrics = metrics
        self._waiting: dict[str, list[Connection]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    def add(self, name: str, joiners: Sequence[Connection]) -> None:
        self._waiting.setdefault(name, []).extend(joiners)
        if name not in self._serving:
            task = asyncio.get_running_loop().create_task(self._serve(name))
            self._serving[name] = task
            task.add_done_callback(lambda done: self._served(name, done))

    def welcome_again(self, room: Room) -> None:
        """The room's state was read afresh: everybody gets the whole of it."""
        self.add(room.name, room.start_over())

    async def read_claims(self, room: Room, identities: Sequence[Identity]) -> dict[str, Held]:
        """Student -> drop id -> claim, of every drop that the room shows as this returns; one call for all
        of them, none where there is no drop, and another where the room has heard of a drop meanwhile: it
        may be one that it missed, and that the student has won of elsewhere."""
        students = list({i.subject for i in identities if i.may_claim_in(room.name)})
        held: dict[str, Held] = {student: {} for student in students}
        read: set[str] = set()
        while students and (drops := [d for d in room.shown_drops(now_ms()) if d.id not in read]):
            found = await self._drop_desk.claims_of_students(drops, students)
            read.update(drop.id for drop in drops)
            for drop_id, student, claim in found:
                held[student][drop_id] = claim
        return held

    async def _serve(self, name: str) -> None:
        while waiting := self._waiting.pop(name, None):
            for start in range(0, len(waiting), AT_ONCE):
                joiners = waiting[start : start + AT_ONCE]
                try:
                    async with asyncio.timeout(JOIN_SECONDS):
                        await self._welcome(name, joiners)
                except (DeskUnavailableError, TimeoutError):
                    self._send_away(joiners)

    def _served(self, name: str, task: asyncio.Task[None]) -> None:
        """A fault in a join must not be silent, nor keep the next ones out."""
        del self._serving[name]
        if not task.cancelled() and task.exception() is not None:
            _log.error("joins_failed", room=name, exc_info=task.exception())
            self._send_away(self._waiting.pop(name, []))
        if name in self._waiting:
            self.add(name, ())

    async def _welcome(self, name: str, connections: Sequence[Connection]) -> None:
        room = await self._rooms.load(name)
        joiners = [_joiner(c) for c in connections if _identity(c) is not None]
        for connection, identity in joiners:
            oldest = room.register(connection, identity) if _is_new(connection) else None
            if oldest is not None:
                oldest.end(close_reasons.TOO_MANY)
        held = await self.read_claims(room, [identity for _, identity in joiners])
        now = now_ms()
        for connection, identity in joiners:
            if not connection.is_listening:
                room.remove(connection, identity)
                continue
            if _is_new(connection):
                self._metrics.ws_connects.labels("ok").inc()
            welcome = room.welcome_of(identity, held.get(identity.subject, {}), now)
            room.greet(connection, welcome)

    def _send_away(self, connections: Sequence[Connection]) -> None:
        for connection in connections:
            self._metrics.ws_connects.labels("unavailable").inc()
            connection.end(close_reasons.UNAVAILABLE)


def _is_new(connection: Connection) -> bool:
    return connection.session is not None and connection.session.phase is Phase.JOINING


def _identity(connection: Connection) -> Identity | None:
    return connection.session.identity if connection.session is not None else None


def _joiner(connection: Connection) -> Joiner:
    identity = _identity(connection)
    assert identity is not None
    return connection, identity
