"""The gateway of one process: its sockets, and what becomes of each message.

Made by `factory.py`, which also runs its background jobs. Implements `ConnectionHandler` for its connections,
and answers the API's snapshot. Taps leave for the desk once in each turn of the event loop
(desk/claims/claim_desk.py); joins of one room are read together (join_queue.py).
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence

import structlog
from websockets.typing import LoggerLike

from server.clock import now_ms
from server.core.identity import Identity
from server.frames import client_frames, wire
from server.gateway.parts import GatewayParts
from server.gateway.rooms.answers import Answers
from server.gateway.rooms.joins.join_limit import JoinLimit
from server.gateway.rooms.joins.join_queue import JoinQueue
from server.gateway.rooms.room import Room
from server.gateway.sockets import close_reasons
from server.gateway.sockets.allowances import Allowances
from server.gateway.sockets.close_reasons import SocketClose
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.frames import close_frame, text_frame
from server.gateway.sockets.refusals import Refusals
from server.gateway.sockets.socket_closer import SocketCloser
from server.gateway.sockets.token_ends import TokenEnds
from server.gateway.taps import Taps
from server.gateway.work_in_flight import WorkInFlight

RETURNS_PER_SECOND = (
    2_000  # of those whom a drain closes: the other processes take new ones in as well
)
_CLOSES_PER_TURN = 500  # then the event loop serves others
_TAPS_SECONDS = 0.8  # how long a drain waits for taps in flight
_CLOSE_ANSWER_SECONDS = 0.9  # how long it waits for clients to answer the close
_log = structlog.get_logger()


class Gateway:
    """`rooms` are the open rooms by name. Whole when made: nothing is set from outside later."""

    def __init__(
        self,
        parts: GatewayParts,
        *,
        rooms: Mapping[str, Room],
        joins: JoinQueue,
        taps: Taps,
        answers: Answers,
        work: WorkInFlight,
    ) -> None:
        self.keys = parts.keys
        self.allowed_origins = parts.allowed_origins
        self.proxies = parts.proxies
        self.close_timeout_s = parts.cadence.close_timeout_s
        self.metrics = parts.metrics
        self.connection_limiter = ConnectionLimiter(parts.max_sockets)
        self.socket_closer = SocketCloser()
        self.allowances = Allowances()
        self.token_ends = TokenEnds()
        self.refusals = Refusals(parts.metrics.ws_refused)
        self.protocol_log = _protocol_log()
        self.is_draining = False
        self._access = parts.access
        self._revocations = 0  # how many of them the open sockets were looked through for
        self.connections: set[Connection] = set()
        self.rooms = rooms
        self.taps = taps
        self.answers = answers
        self._joins = joins
        self._work = work
        self._join_limit = JoinLimit(parts.joins_per_second)

    def protocol(self, *_args: object, **_more: object) -> Connection:
        """Make the protocol of one socket. uvicorn calls this as its `ws` class."""
        return Connection(self)

    # --- ConnectionHandler --------------------------------------------------------------------

    def connection_opened(self, connection: Connection) -> None:
        self.socket_closer.close_one()
        self.connections.add(connection)
        self.metrics.ws_connections.inc()

    def connection_closing(self, connection: Connection) -> None:
        """Take it off the room's broadcast: nothing may be written after a close frame."""
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        if room is not None:
            room.connections.pop(connection, None)

    def connection_closed(self, connection: Connection, reason: str) -> None:
        self.connections.discard(connection)
        self._work.note_less()
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
        """Queue a connection whose hello was good for its welcome, or end it with a time to come back."""
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
        self._joins.add(session.room, (connection,))

    def claim(self, connection: Connection, frame: client_frames.ClaimFrame) -> None:
        if self.is_draining:
            return  # the client repeats the same request on its next socket
        session = connection.session
        assert session is not None
        identity, room = session.identity, self.rooms.get(session.room)
        if identity is None or room is None:
            return
        self.taps.take(connection, room, identity, frame)

    def answer(self, connection: Connection, frame: client_frames.AnswerFrame) -> None:
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        if room is None or session is None or session.identity is None or self.is_draining:
            return
        self.answers.take(connection, room, session.identity, frame)

    def seen(self, connection: Connection, drop_id: str) -> None:
        session = connection.session
        room = self.rooms.get(session.room) if session is not None else None
        if room is None or session is None or session.identity is None:
            return
        if drop_id in room.drops and session.identity.may_claim_in(room.name):
            room.seen[drop_id].add(session.identity.subject)

    # --- for the API --------------------------------------------------------------------------

    async def snapshot(self, name: str, identity: Identity) -> bytes:
        """Return what a `welcome` to this room would say to this person, as JSON.

        Raises DeskUnavailableError where Redis does not answer."""
        return await self._joins.snapshot(name, identity)

    # --- the end ------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Answer the taps in flight, close all sockets, and wait until the clients have gone.

        New sockets and new taps are refused from now on. Each close announces a time within which the
        client comes back at random, long enough for the other processes to take everybody in. Takes two
        seconds at most."""
        self.is_draining = True
        await self._work.wait_until(lambda: self._work.is_done, _TAPS_SECONDS)
        per_second = min(RETURNS_PER_SECOND, max(1, self._join_limit.per_second // 2))
        spread_ms = max(1_000, len(self.connections) * 1_000 // per_second)
        why = SocketClose(
            close_reasons.GOING_AWAY,
            "server_restart",
            "restarting: come back in a moment",
            spread_ms,
        )
        connections = list(self.connections)
        random.shuffle(connections)
        await self._end_all(connections, why)
        await self._work.wait_until(lambda: not self.connections, _CLOSE_ANSWER_SECONDS)
        _log.info(
            "drained",
            sockets=len(connections),
            spread_ms=spread_ms,
            unanswered=self._work.taps,
            cut_off=len(self.connections),
        )

    async def end_expired(self) -> None:
        """Close the sockets whose token has ended; their clients come back with a new one. The tokens of
        a whole class may end in the same second."""
        await self._end_all(self.token_ends.due(now_ms()), close_reasons.TOKEN_EXPIRED)

    async def end_revoked(self) -> None:
        """Close the sockets whose token was revoked; their clients come back with another one, or are
        refused for good. Does nothing unless a token was revoked since the last call."""
        revocations = self._access.revocations
        if revocations == self._revocations:
            return
        open_now = list(self.connections)
        for start in range(0, len(open_now), _CLOSES_PER_TURN):
            some = open_now[start : start + _CLOSES_PER_TURN]
            await self._end_all(
                [one for one in some if self._is_revoked(one)], close_reasons.TOKEN_REVOKED
            )
            await asyncio.sleep(0)
        self._revocations = revocations

    def _is_revoked(self, connection: Connection) -> bool:
        identity = connection.session.identity if connection.session is not None else None
        return (
            identity is not None
            and connection.is_open
            and self._access.revoked_by(identity) is not None
        )

    async def _end_all(self, connections: Sequence[Connection], why: SocketClose) -> None:
        """Write the same bytes to all of them, some in each turn of the event loop."""
        frames = text_frame(wire.error(why.word, why.message, why.retry_after_ms))
        frames += close_frame(why.code, why.word)
        for start in range(0, len(connections), _CLOSES_PER_TURN):
            for connection in connections[start : start + _CLOSES_PER_TURN]:
                connection.end_with(why, frames)
            await asyncio.sleep(0)


def _protocol_log() -> LoggerLike:
    """Return the logger of the `websockets` library, without its line for each socket: that line costs a
    quarter of a handshake."""
    log = logging.getLogger("classdrop.websocket")
    log.setLevel(logging.WARNING)
    return log
