"""One student in one room on gevent's event loop: the SDK's Session, with IO that never waits.

Used by the Locust users. An asyncio client for each of them is impossible under gevent, and a greenlet for
each socket is too expensive. The rules of the protocol are in the Session, the socket is in `gevent_socket`;
this module must not know Locust. Everything happens in callbacks of the loop and in the calls below. A claim
over HTTP would wait, so it is handed to a callback.
"""

import heapq
import itertools
import math
import random
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

import gevent

from client_sdk.python import ApiError, ClaimState, RoomEvent, RoomState, Session, Status
from client_sdk.python.shapes import (
    ClaimOverHttp,
    ClaimReply,
    Connect,
    Disconnect,
    Effect,
    Emit,
    RequestToken,
    Send,
    WakeAt,
)
from loadtest.lesson.gevent_socket import ABNORMAL, GeventSocket, RoomEndpoint

_SHORTEST_WAIT_MS: Final = 1

Due = Callable[[float], None]
"""A planned action. It is called with its planned moment, so that a late tester is measured as late."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The functions that the connection needs from its user; none of these may wait.

    `claim_over_http` (drop id, request id) starts a call that leads to `answered_over_http` or
    `failed_over_http`.
    """

    token: Callable[[], str]
    on_event: Callable[[RoomEvent], None]
    claim_over_http: Callable[[str, str], None]


class RoomConnection:
    """The connection of one student; all calls come from the thread of one loop.

    `received_at` is the wall clock in ms at which the event that is being delivered reached this machine.
    """

    def __init__(self, endpoint: RoomEndpoint, room: str, callbacks: Callbacks) -> None:
        self.received_at = 0.0
        self._endpoint = endpoint
        self._callbacks = callbacks
        self._session = Session(room, random.random)
        self._socket: GeventSocket | None = None
        self._effects: deque[Effect] = deque()
        self._is_acting = False
        self._wake_at = math.inf
        self._due: list[tuple[float, int, Due]] = []
        self._order = itertools.count()
        self._alarm_at = math.inf
        self._alarm = gevent.get_hub().loop.timer(0)

    @property
    def state(self) -> RoomState:
        return self._session.state

    @property
    def is_live(self) -> bool:
        return self._session.status is Status.LIVE

    def is_pending(self, drop_id: str) -> bool:
        """Return whether a claim was sent that has no answer yet."""
        claim = self._session.room.claims.get(drop_id)
        return claim is not None and claim.state is ClaimState.PENDING

    def start(self) -> None:
        self._do(self._session.start(now_ms()))

    def stop(self) -> None:
        self._due.clear()
        self._do(self._session.stop())
        self._wake_at = math.inf
        self._silence_alarm()

    def card_shown(self, drop_id: str) -> None:
        """Note that the card is on the screen. The Session sends `seen` after a while, unless a claim goes
        first."""
        self._do(self._session.seen(drop_id, now_ms()))

    def tap(self, drop_id: str) -> None:
        """Send a claim; a claim for the drop that is still unanswered is joined."""
        self._do(self._session.claim(drop_id, secrets.token_hex(16), now_ms()))

    def break_connection(self) -> None:
        """Break the connection without a close frame, as in a lift. The Session reconnects by itself."""
        if self._socket is not None:
            self._socket.abort()
            self.closed(ABNORMAL)

    def call_later(self, wait_ms: float, action: Due) -> None:
        """Call `action` after a wait. `stop` cancels it."""
        heapq.heappush(self._due, (now_ms() + wait_ms, next(self._order), action))
        self._set_alarm()

    def answered_over_http(self, drop_id: str, request_id: str, answer: ClaimReply) -> None:
        self.received_at = now_ms()
        self._do(self._session.http_answered(drop_id, request_id, answer, now_ms()))

    def failed_over_http(self, drop_id: str, request_id: str, error: ApiError) -> None:
        self.received_at = now_ms()
        failed = self._session.http_failed(
            drop_id,
            request_id,
            now_ms(),
            code=error.code,
            retryable=error.retryable,
            retry_after_ms=error.retry_after_ms,
        )
        self._do(failed)

    # Events of the socket.

    def opened(self) -> None:
        self._do(self._session.opened(now_ms()))

    def received(self, text: str, at: float) -> None:
        self.received_at = at
        self._do(self._session.frame(text, now_ms()))

    def closed(self, code: int) -> None:
        self._socket = None
        self._do(self._session.closed(code, now_ms()))

    # Timers.

    def _set_alarm(self) -> None:
        """Set the one timer to the earliest planned moment. A timer that fires too early finds nothing to
        do."""
        at = min(self._wake_at, self._due[0][0]) if self._due else self._wake_at
        if at < self._alarm_at:
            self._silence_alarm()
            self._alarm_at = at
            wait_ms = max(_SHORTEST_WAIT_MS, at - now_ms())
            self._alarm = gevent.get_hub().loop.timer(wait_ms / 1000)
            self._alarm.start(self._ring)

    def _silence_alarm(self) -> None:
        self._alarm_at = math.inf
        self._alarm.stop()
        self._alarm.close()

    def _ring(self) -> None:
        self._alarm_at = math.inf
        now = now_ms()
        while self._due and self._due[0][0] <= now:
            at, _, action = heapq.heappop(self._due)
            action(at)
        if self._wake_at <= now:
            self._wake_at = math.inf
            # Read what has arrived before the tick: else an answer that waits to be read would count as
            # missing.
            self._endpoint.backlog.add(now, self._tick)
        self._set_alarm()

    def _tick(self) -> None:
        self._do(self._session.tick(now_ms()))

    # The Session's effects, carried out in their order. Carrying out one may add more: they queue behind it.

    def _do(self, effects: list[Effect]) -> None:
        self._effects.extend(effects)
        if self._is_acting:
            return
        self._is_acting = True
        try:
            while self._effects:
                self._act(self._effects.popleft())
        finally:
            self._is_acting = False
            self._effects.clear()

    def _act(self, effect: Effect) -> None:
        match effect:
            case Emit():
                self._callbacks.on_event(effect.event)
            case Send():
                self._send(effect.text)
            case WakeAt():
                self._wake_at = effect.at
                self._set_alarm()
            case Connect():
                self._socket = GeventSocket(self._endpoint, self)
            case Disconnect():
                self._disconnect(effect.code)
            case RequestToken():
                self._do(self._session.token(self._callbacks.token(), now_ms()))
            case ClaimOverHttp():
                self._callbacks.claim_over_http(effect.drop_id, effect.request_id)
            case _:
                assert_never(effect)

    def _send(self, text: str) -> None:
        if self._socket is not None:
            self._socket.send(text)

    def _disconnect(self, code: int) -> None:
        if self._socket is not None:
            self._socket.close(code)
            self._socket = None


def now_ms() -> int:
    """Return the wall clock in ms."""
    return time.time_ns() // 1_000_000
