"""One person in one room on gevent's loop: the SDK's Session with a shell that never waits.

Used by the Locust users: an asyncio client for each of them is impossible under gevent, and a
greenlet for each socket too dear. Knows no rule of the protocol (those are in the Session), no
socket (`lesson_socket`) and nothing of Locust. Everything happens in callbacks of the loop and in
the calls below; what takes waiting, a claim over HTTP, is handed out.
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
from loadtest.lesson.gevent_socket import ABNORMAL, GeventSocket, RoomEndpoint

_SHORTEST_WAIT_MS: Final = 1

Due = Callable[[float], None]
"""Called with its planned moment, so that lateness of the tester's own can be counted."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """How a person acts on the world; none of these may wait. `claim_over_http` (drop id, request id)
    leads to `answered_over_http` or `failed_over_http` later."""

    token: Callable[[], str]
    on_event: Callable[[RoomEvent], None]
    claim_over_http: Callable[[str, str], None]


class RoomConnection:
    """Of one greenlet's loop: not for several threads. `received_at`: wall clock in ms, when that which is
    being told had come in."""

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
        """Tapped, not answered yet."""
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
        """The card is on the screen: `seen` is told after a while, unless a tap says so before."""
        self._do(self._session.seen(drop_id, now_ms()))

    def tap(self, drop_id: str) -> None:
        """Joins a tap that still waits for its answer."""
        self._do(self._session.claim(drop_id, secrets.token_hex(16), now_ms()))

    def break_connection(self) -> None:
        """As in a lift: the socket is gone without a word, and the Session comes back by itself."""
        if self._socket is not None:
            self._socket.abort()
            self.closed(ABNORMAL)

    def call_later(self, wait_ms: float, action: Due) -> None:
        """Not after `stop`."""
        heapq.heappush(self._due, (now_ms() + wait_ms, next(self._order), action))
        self._set_alarm()

    def answered_over_http(self, drop_id: str, request_id: str, answer: ClaimAnswer) -> None:
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

    # What the socket tells.

    def opened(self) -> None:
        self._do(self._session.opened(now_ms()))

    def received(self, text: str, at: float) -> None:
        self.received_at = at
        self._do(self._session.frame(text, now_ms()))

    def closed(self, code: int) -> None:
        self._socket = None
        self._do(self._session.closed(code, now_ms()))

    # Time.

    def _set_alarm(self) -> None:
        """For the earliest of what is due; one that rings early finds nothing to do."""
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
            # What came before is read before: else an answer that waits to be read counts as missing.
            self._endpoint.backlog.add(now, self._tick)
        self._set_alarm()

    def _tick(self) -> None:
        self._do(self._session.tick(now_ms()))

    # Effects: one after the other, also where carrying out one leads to more.

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
    """Wall clock."""
    return time.time_ns() // 1_000_000
