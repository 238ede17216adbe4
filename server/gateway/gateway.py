"""The gateway of one process: who is connected, and what becomes of what they ask.

Made by the composition root; implements `connection.Host`, and answers the API's snapshot. Rhythm:
taps leave with the loop's turn (desk/claim_desk.py), joins are read together (join_queue.py), and every
second one pass looks after progress, presence, pings and silence.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from websockets.typing import LoggerLike

from server import wire
from server.clock import now_ms
from server.core.addresses import TrustedProxies
from server.core.identity import Identity
from server.desk.claim_desk import ClaimDesk
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.gateway import close_reasons
from server.gateway.allowances import Allowances
from server.gateway.close_reasons import SocketClose
from server.gateway.connection import Connection
from server.gateway.connection_limiter import MAX_SOCKETS, ConnectionLimiter
from server.gateway.frames import close_frame, text_frame
from server.gateway.join_limit import JoinLimit
from server.gateway.join_queue import JoinQueue
from server.gateway.refusals import Refusals
from server.gateway.room import Room
from server.gateway.rooms import Rooms
from server.gateway.socket_closer import SocketCloser
from server.gateway.taps import Taps
from server.gateway.token_ends import TokenEnds
from server.telemetry import Metrics
from server.tokens import TokenKeys

JOINS_PER_SECOND = 10_000  # that one process lets in: a whole class at its door is no attack
COME_BACK_PER_SECOND = 2_000  # of those a drain sends away: others come in as well
_DISMISSED_IN_A_ROW = 500
_ANSWERS_SECONDS = 0.8  # for the taps under way when a drain begins
_GOODBYE_SECONDS = 0.9  # for clients to answer the close: who is cut off may not have read why
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GatewayParts:
    """What a gateway is made of. `allowed_origins` are scheme://host[:port], without a slash."""

    keys: TokenKeys
    claim_desk: ClaimDesk
    drop_desk: DropDesk
    feed: Feed
    metrics: Metrics
    allowed_origins: frozenset[str]
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    joins_per_second: int = JOINS_PER_SECOND


class Gateway:
    """`rooms` and `joins` are set by `upkeep.running` before the first socket is accepted."""

    rooms: Rooms
    joins: JoinQueue

    def __init__(
        self, parts: GatewayParts, gateway_id: str, max_sockets: int = MAX_SOCKETS
    ) -> None:
        self.id = gateway_id
        self.keys = parts.keys
        self.allowed_origins = parts.allowed_origins
        self.proxies = parts.proxies
        self.connection_limiter = ConnectionLimiter(max_sockets)
        self.leaving = SocketCloser()
        self.allowances = Allowances()
        self.token_ends = TokenEnds()
        self.refusals = Refusals(parts.metrics.ws_refused)
        self.is_draining = False
        self._join_limit = JoinLimit(parts.joins_per_second)
        self._has_less = asyncio.Event()  # a tap, a task or a connection less, for the drain
        log = logging.getLogger("classdrop.websocket")
        log.setLevel(logging.WARNING)
        self.protocol_log: LoggerLike = log
        self.connections: set[Connection] = set()
        self.drop_desk = parts.drop_desk
        self.feed = parts.feed
        self.metrics = parts.metrics
        self.claim_desk = parts.claim_desk
        self.taps = Taps(parts.claim_desk, self._heal, self._own, self._tap_answered)
        self._tasks: set[asyncio.Task[None]] = set()

    def protocol(self, *_args: object, **_more: object) -> Connection:
        """What uvicorn calls for each upgrade, as its `ws` class."""
        return Connection(self)

    # --- connection.Host ----------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        self.leaving.make_room()
        self.connections.add(connection)
        self.metrics.ws_connections.inc()

    def ending(self, connection: Connection) -> None:
        """It has said its last word, and stays only for the answer: the room has nothing more for it."""
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        if room is not None:
            room.connections.pop(connection, None)

    def left(self, connection: Connection, reason: str) -> None:
        self.connections.discard(connection)
        self._has_less.set()
        self.metrics.ws_connections.dec()
        self.metrics.ws_disconnects.labels(reason).inc()
        if reason == close_reasons.TOO_SLOW.word:
            self.metrics.evictions.inc()
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        identity = session.identity if session is not None else None
        if identity is not None:
            self.token_ends.discard(connection, identity.expires_at)
            if room is not None:
                room.remove(connection, identity)

    def join(self, connection: Connection) -> None:
        """The hello was good."""
        session = connection.session
        assert session is not None
        assert session.identity is not None
        self.token_ends.add(connection, session.identity.expires_at)
        wait_ms = self._join_limit.admit(now_ms())
        if wait_ms:
            self.metrics.ws_connects.labels("limited").inc()
            connection.end(close_reasons.joins_limited(wait_ms))
            return
        self.metrics.ws_joins_peak.set(self._join_limit.peak)
        self.joins.add(session.room, (connection,))

    def claim(self, connection: Connection, drop_id: str, request_id: str) -> None:
        if self.is_draining:
            return  # this socket ends in a moment; the same request comes again by another
        session = connection.session
        assert session is not None
        identity, room = session.identity, self.rooms.get(session.room)
        if identity is None or room is None:
            return
        self.taps.take(connection, room, identity, drop_id, request_id)

    def seen(self, connection: Connection, drop_id: str) -> None:
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        if room is None or session is None or session.identity is None:
            return
        if drop_id in room.drops and session.identity.may_claim_in(room.name):
            room.seen[drop_id].add(session.identity.subject)

    # --- beside the sockets -------------------------------------------------------------------

    async def snapshot(self, name: str, identity: Identity) -> bytes:
        """The same as `welcome`, for HTTP. DeskUnavailableError where Redis cannot say."""
        room = await self.rooms.load(name)
        held = await self.joins.read_claims(room, [identity])
        return room.welcome_of(identity, held.get(identity.subject, {}), now_ms()).text

    # --- the end ------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Answers the taps under way, then sends everybody away with a time to come back in, spread so
        that the others can take them in, and waits until they have gone. New sockets and new taps are
        refused from now on. Two seconds at most."""
        self.is_draining = True
        await self._until(lambda: not self.taps.under_way and not self._tasks, _ANSWERS_SECONDS)
        come_back = min(COME_BACK_PER_SECOND, max(1, self._join_limit.per_second // 2))
        spread_ms = max(1_000, len(self.connections) * 1_000 // come_back)
        goodbye = SocketClose(
            close_reasons.GOING_AWAY,
            "server_restart",
            "restarting: come back in a moment",
            spread_ms,
        )
        leaving = list(self.connections)
        random.shuffle(leaving)
        await self._dismiss(leaving, goodbye)
        await self._until(lambda: not self.connections, _GOODBYE_SECONDS)
        _log.info(
            "drained",
            sockets=len(leaving),
            spread_ms=spread_ms,
            unanswered=self.taps.under_way,
            cut_off=len(self.connections),
        )

    async def end_expired(self) -> None:
        """Whose token is over hears nothing more; they come back with a new one. A whole class may have
        tokens of the same second."""
        await self._dismiss(self.token_ends.due(now_ms()), close_reasons.TOKEN_EXPIRED)

    async def _dismiss(self, leaving: Sequence[Connection], why: SocketClose) -> None:
        """With the same bytes for all, some at a time."""
        last_words = text_frame(wire.error(why.word, why.message, why.retry_after_ms))
        last_words += close_frame(why.code, why.word)
        for start in range(0, len(leaving), _DISMISSED_IN_A_ROW):
            for connection in leaving[start : start + _DISMISSED_IN_A_ROW]:
                connection.dismiss(why, last_words)
            await asyncio.sleep(0)

    async def _heal(self, room: Room) -> None:
        await self.rooms.heal(room)

    def _tap_answered(self) -> None:
        if self.is_draining:
            self._has_less.set()

    async def _until(self, is_done: Callable[[], bool], seconds: float) -> None:
        """Or until the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not is_done():
                    self._has_less.clear()
                    await self._has_less.wait()

    def _own(self, job: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """A fault in one student's claim must not be silent."""
        self._tasks.discard(task)
        self._has_less.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("gateway_task_failed", exc_info=task.exception())
