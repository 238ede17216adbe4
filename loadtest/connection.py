"""One person in one room, in plain blocking calls: the SDK's Session with a synchronous shell.

Used by the Locust users: gevent turns the blocking calls into switches, where an asyncio client per
user is impossible. Knows no rule of the protocol (those are in the Session) and nothing of Locust.
One greenlet or thread uses it; a claim over HTTP keeps it from reading for as long as that takes.
"""

import contextlib
import heapq
import itertools
import math
import random
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import Final, assert_never

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from client_sdk.python import ApiError, RoomEvent, RoomState, Session, Status
from client_sdk.python.frames import SUBPROTOCOL, socket_url
from client_sdk.python.shapes import (
    ClaimAnswer,
    ClaimOverHttp,
    Connect,
    Disconnect,
    Effect,
    Emit,
    RequestToken,
    Send,
    WakeAt,
)

_OPEN_DEADLINE_S: Final = 10
_CLOSE_DEADLINE_S: Final = 1
_NORMAL: Final = 1000
_ABNORMAL: Final = 1006
_LONGEST_WAIT_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ways:
    """How a person acts on the world. `claim_over_http` raises ApiError."""

    token: Callable[[], str]
    on_event: Callable[[RoomEvent], None]
    claim_over_http: Callable[[str, str], ClaimAnswer]


class RoomConnection:
    """Nothing happens outside `start`, `listen`, `tap`, `lose` and `stop`."""

    def __init__(self, url: str, room: str, ways: Ways) -> None:
        self._url = socket_url(url, room)
        self._ways = ways
        self._session = Session(room, random.random)
        self._socket: ClientConnection | None = None
        self._opened = contextlib.ExitStack()  # what a `with` would hold open
        self._effects: deque[Effect] = deque()
        self._is_acting = False
        self._wake_at = math.inf
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def state(self) -> RoomState:
        return self._session.state

    @property
    def is_live(self) -> bool:
        return self._session.status is Status.LIVE

    def start(self) -> None:
        self._do(self._session.start(now_ms()))

    def stop(self) -> None:
        self._timers.clear()
        self._do(self._session.stop())

    def tap(self, drop_id: str) -> None:
        """Joins a tap that still waits for its answer."""
        self._do(self._session.claim(drop_id, secrets.token_hex(16), now_ms()))

    def lose(self) -> None:
        """As in a lift: the socket is gone without a word, and the Session comes back by itself."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may have been lost already
                self._socket.socket.shutdown(SHUT_RDWR)
            self._disconnect(_NORMAL)
            self._do(self._session.closed(_ABNORMAL, now_ms()))

    def later(self, wait_ms: float, action: Callable[[], None]) -> None:
        """`action` is called by `listen`, once the moment has come."""
        heapq.heappush(self._timers, (now_ms() + wait_ms, next(self._order), action))

    def listen(self, seconds: float) -> None:
        """Reads, answers, comes back and does what was put off, for so long."""
        until = now_ms() + seconds * 1000
        while (now := now_ms()) < until:
            if self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
                continue
            if self._wake_at <= now:
                self._wake_at = math.inf
                self._do(self._session.tick(now))
                continue
            next_timer = self._timers[0][0] if self._timers else math.inf
            self._wait(min(until, self._wake_at, next_timer, now + _LONGEST_WAIT_MS) - now)

    def _wait(self, wait_ms: float) -> None:
        if self._socket is None:
            time.sleep(wait_ms / 1000)
            return
        try:
            text = self._socket.recv(timeout=wait_ms / 1000)
        except TimeoutError:
            return
        except ConnectionClosed as closed:
            self._disconnect(_NORMAL)
            code = closed.rcvd.code if closed.rcvd else _ABNORMAL
            self._do(self._session.closed(code, now_ms()))
            return
        if isinstance(text, str):
            self._do(self._session.frame(text, now_ms()))

    # Effects: one after the other, also where carrying out one leads to more.

    def _do(self, effects: list[Effect]) -> None:
        self._effects.extend(effects)
        if self._is_acting:
            return
        self._is_acting = True
        try:
            while self._effects:
                self._act(self._effects.popleft())
        finally:  # a user may be stopped in the middle of a call
            self._is_acting = False
            self._effects.clear()

    def _act(self, effect: Effect) -> None:
        match effect:
            case Emit():
                self._ways.on_event(effect.event)
            case Send():
                self._send(effect.text)
            case Connect():
                self._connect()
            case Disconnect():
                self._disconnect(effect.code)
            case RequestToken():
                self._do(self._session.token(self._ways.token(), now_ms()))
            case ClaimOverHttp():
                self._claim_over_http(effect.drop_id, effect.request_id)
            case WakeAt():
                self._wake_at = effect.at
            case _:
                assert_never(effect)

    def _connect(self) -> None:
        try:
            self._socket = self._opened.enter_context(
                connect(
                    self._url,
                    subprotocols=[Subprotocol(SUBPROTOCOL)],
                    compression=None,
                    open_timeout=_OPEN_DEADLINE_S,
                    close_timeout=_CLOSE_DEADLINE_S,
                    ping_interval=None,  # the protocol has its own, which the server counts
                    proxy=None,
                )
            )
        except (OSError, TimeoutError, InvalidHandshake):
            self._do(self._session.closed(_ABNORMAL, now_ms()))
        else:
            self._do(self._session.opened(now_ms()))

    def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):  # the reader finds out too, and tells
                self._socket.send(text)

    def _disconnect(self, code: int) -> None:
        """Nothing of this socket is reported any more."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close(code)
        self._opened.close()

    def _claim_over_http(self, drop_id: str, request_id: str) -> None:
        try:
            answer = self._ways.claim_over_http(drop_id, request_id)
        except ApiError as error:
            effects = self._session.http_failed(
                drop_id,
                request_id,
                now_ms(),
                code=error.code,
                retryable=error.retryable,
                retry_after_ms=error.retry_after_ms,
            )
        else:
            effects = self._session.http_answered(drop_id, request_id, answer, now_ms())
        self._do(effects)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
