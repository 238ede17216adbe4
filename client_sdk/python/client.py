"""`RoomClient`: one person in one room. This is the only file with a socket or a timer.

It feeds the sans-IO `Session` and carries out its effects. Programs that stay in a room use it: system
tests, bots, the school's own services. Must not know a rule of the protocol; those are in `session`.
Twin of `javascript/client.js`.

    async with RoomClient("https://classdrop.school", "algebra", get_token) as client:
        async for event in client.events():
            if event.type == "drop_opened":
                outcome = await client.claim(event.drop["id"])   # "won", "sold_out", …
"""

import asyncio
import random as randomness
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from types import TracebackType
from typing import Final, Self, assert_never

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from client_sdk.python.api import Api
from client_sdk.python.frames import SILENT, SUBPROTOCOL, client_random, socket_url
from client_sdk.python.session import Session
from client_sdk.python.shapes import (
    Claim,
    ClaimOverHttp,
    ClaimState,
    Connect,
    Coupon,
    Disconnect,
    Effect,
    Emit,
    RequestToken,
    RoomEvent,
    RoomState,
    Send,
    Status,
    TaskProgress,
    WakeAt,
    WalletCoupon,
)
from client_sdk.python.transport import ApiError, GetToken

EVENTS_KEPT: Final = (
    1_000  # unread events; beyond this the oldest are dropped, the state is complete
)
_FRAMES_WAITING: Final = 256  # beyond this the peer does not read: treat it like a silent one
_MAX_MESSAGE_BYTES: Final = 1024 * 1024  # four times the largest `welcome` (PROTOCOL.md)
_OPEN_DEADLINE_S: Final = 10
_CLOSE_DEADLINE_S: Final = 2
# A clock that stood still this long makes the estimate of the server's time late by as much, which is the
# most that opening and closing times may be late. The session then connects again.
_SLEEP_MS: Final = 1_000
_NORMAL: Final = 1000
_ABNORMAL: Final = 1006

# Errors of `get_token` after which it is called again later. Any other exception is a fault of the
# program, and ends the client.
_RETRYABLE_ERRORS: Final = (ApiError, OSError, TimeoutError, httpx.HTTPError)
_UNSETTLED: Final = frozenset(
    {ClaimState.PENDING, ClaimState.WON, ClaimState.ENTERED, ClaimState.ANSWERED}
)


class StoppedError(Exception):
    """The client was stopped (`code` None), or the server sent a final close code (4500-4999, RFC 6455's)."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the server ended the connection ({code})" if code else "stopped")
        self.code = code


class ClaimLostError(Exception):
    """No coupon will follow; `claim` has the reason."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(f"no coupon from {claim.drop_id}: {claim.outcome or claim.state}")
        self.claim = claim


_Waiter = tuple[Callable[[Claim], bool], asyncio.Future[Claim]]


class RoomClient:
    """An async context manager that is connected from entry to exit, or to a final close.

    `get_token` returns the person's token; it is called at the start and whenever a token has expired.
    `api` sends claims over HTTP; where absent it is made of `url` and `get_token`. It is closed on exit.
    Raise ValueError for a room that no URL can name.
    """

    def __init__(
        self,
        url: str,
        room: str,
        get_token: GetToken,
        *,
        api: Api | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self.api = api or Api(url, get_token)
        self._url = socket_url(url, room)
        self._session = Session(room, random)
        self._tasks = asyncio.TaskGroup()
        self._jobs: set[asyncio.Task[None]] = set()
        self._connection: asyncio.Task[None] | None = None
        self._close_code = _NORMAL
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._waiters: dict[str, list[_Waiter]] = {}
        self._events: deque[RoomEvent] = deque(maxlen=EVENTS_KEPT)
        self._news = asyncio.Event()
        self._wall_offset = _wall_offset_ms()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._do(self._session.start(_now()))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        for job in self._jobs:
            job.cancel()
        try:
            await self._tasks.__aexit__(kind, error, trace)
        finally:
            await self.api.aclose()

    @property
    def state(self) -> RoomState:
        """A snapshot of everything there is to show. Do not change it."""
        return self._session.state

    @property
    def server_now(self) -> int:
        """The server's time in ms since 1970, to compare with `opens_at` and `closes_at`."""
        return _now() + self._session.room.clock_offset_ms

    def stop(self) -> None:
        """Disconnect for good. Calls that still wait raise StoppedError."""
        self._do(self._session.stop())

    async def events(self) -> AsyncIterator[RoomEvent]:
        """Yield the events in order, until the client stops. Only one task may read them.

        At most EVENTS_KEPT unread events are kept; the oldest are dropped.
        """
        while True:
            while self._events:
                yield self._events.popleft()
            if self._session.status is Status.STOPPED:
                return
            self._news.clear()
            await self._news.wait()

    async def claim(self, drop_id: str) -> str:
        """Claim a unit of the drop, and return the final outcome.

        The outcome is `won`, `already_won`, `sold_out`, …, or the error code of a claim that cannot be
        repeated. It arrives over the socket or over HTTP, after any number of reconnects. A call while an
        earlier one waits shares its reply; on a drop that is won it returns at once. Bound the wait with
        `asyncio.timeout`, because a server may be out of reach for long. Raise StoppedError.
        """
        effects = self._session.claim(drop_id, secrets.token_hex(16), _now())
        waiter = self._wait_for(drop_id, lambda claim: claim.state is not ClaimState.PENDING)
        self._do(effects)
        claim = await waiter
        return claim.outcome or claim.state

    async def until_confirmed(self, drop_id: str) -> Coupon:
        """Wait until the claim is confirmed, and return its coupon.

        Raise ClaimLostError where no coupon will follow, and StoppedError.
        """
        claim = await self._wait_for(drop_id, lambda claim: claim.state not in _UNSETTLED)
        if claim.coupon is None:
            raise ClaimLostError(claim)
        return claim.coupon

    def learn(self, coupons: Iterable[WalletCoupon]) -> None:
        """Hand in the coupons of `api.my_coupons`.

        A claim takes the state of its coupon from there if that is later.
        """
        self._do(self._session.learn(coupons, _now()))

    def seen(self, drop_id: str) -> None:
        """Report that the card of this drop was on the screen. The server receives it once."""
        self._do(self._session.seen(drop_id, _now()))

    def answer(self, drop_id: str, option: int | str) -> None:
        """Answer the question of a drop, by the index of an option or its text. Nothing is sent while the
        connection is away.
        """
        self._do(self._session.answer(drop_id, option, _now()))

    def learn_task(self, progress: TaskProgress) -> None:
        """Hand in the reply of `api.sign_in`, `api.answer` or `api.task`."""
        self._do(self._session.task_answered(progress, _now()))

    def online(self) -> None:
        """Report that the network is back. A wait before the next connection ends."""
        woken = self._session.woken if self._has_slept() else self._session.online
        self._do(woken(_now()))

    def _do(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._perform(effect)
        self._settle()
        self._news.set()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Emit():
                self._events.append(effect.event)
            case Send():
                self._send(effect.text)
            case Connect():
                self._connection = self._tasks.create_task(self._run_connection())
            case Disconnect():
                self._disconnect(effect.code)
            case RequestToken():
                self._spawn(self._fetch_token())
            case ClaimOverHttp():
                self._spawn(self._claim_over_http(effect.drop_id, effect.request_id))
            case WakeAt():
                self._set_timer(effect.at)
            case _:
                assert_never(effect)

    def _spawn(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task

    def _set_timer(self, at: int) -> None:
        self._stop_timer()
        loop = asyncio.get_running_loop()
        wait_s = max(0, at - _now()) / 1000
        self._timer = loop.call_later(wait_s, self._tick)

    def _tick(self) -> None:
        woken = self._session.woken if self._has_slept() else self._session.tick
        self._do(woken(_now()))

    def _has_slept(self) -> bool:
        """Return whether the monotonic clock stood still since the last call.

        On Linux and macOS it does not run while the machine sleeps. A time of day that is set forward looks
        the same, and costs one reconnect.
        """
        before, self._wall_offset = self._wall_offset, _wall_offset_ms()
        return self._wall_offset - before >= _SLEEP_MS

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The socket.

    async def _run_connection(self) -> None:
        """Run one connection from its opening to its end.

        The task is cancelled on a Disconnect; the session then ignores the end of this connection.
        """
        self._outbox = asyncio.Queue(_FRAMES_WAITING)
        code = _ABNORMAL
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=_MAX_MESSAGE_BYTES,
                open_timeout=_OPEN_DEADLINE_S,
                close_timeout=_CLOSE_DEADLINE_S,
                ping_interval=None,  # the protocol has its own `ping` frame
            ) as socket:
                self._do(self._session.opened(_now()))
                await self._exchange(socket)
                code = socket.close_code or _ABNORMAL
        except (OSError, TimeoutError, InvalidHandshake):
            pass  # no server, or not ready: the same as a lost connection
        self._connection = None
        self._do(self._session.closed(code, _now()))

    async def _exchange(self, socket: ClientConnection) -> None:
        writer = self._spawn(self._write(socket, self._outbox))
        try:
            async for message in socket:
                if isinstance(message, str):
                    self._do(self._session.frame(message, _now()))
        except ConnectionClosed:
            pass
        except asyncio.CancelledError:
            await socket.close(self._close_code)
            raise
        finally:
            writer.cancel()

    async def _write(self, socket: ClientConnection, outbox: asyncio.Queue[str]) -> None:
        try:
            while True:
                await socket.send(await outbox.get())
        except ConnectionClosed:
            pass  # the reader sees the same, and reports it

    def _send(self, text: str) -> None:
        if self._outbox.full():
            self._disconnect(SILENT)
            self._spawn(self._report_lost())
        else:
            self._outbox.put_nowait(text)

    async def _report_lost(self) -> None:
        self._do(self._session.closed(_ABNORMAL, _now()))

    def _disconnect(self, code: int) -> None:
        if self._connection is not None:
            self._close_code = code
            self._connection.cancel()
            self._connection = None

    # HTTP.

    async def _fetch_token(self) -> None:
        try:
            token = await self.api.fresh_token()
        except _RETRYABLE_ERRORS:
            self._do(self._session.token_failed(_now()))
        else:
            self._do(self._session.token(token, _now()))

    async def _claim_over_http(self, drop_id: str, request_id: str) -> None:
        try:
            random = client_random(self._session.room.mode_of(drop_id), request_id)
            answer = await self.api.claim(drop_id, request_id, random)
        except _RETRYABLE_ERRORS as raised:
            error = raised if isinstance(raised, ApiError) else ApiError("unreachable", 0)
            effects = self._session.http_failed(
                drop_id,
                request_id,
                _now(),
                code=error.code,
                retryable=error.retryable,
                retry_after_ms=error.retry_after_ms,
            )
        else:
            effects = self._session.http_answered(drop_id, request_id, answer, _now())
        self._do(effects)

    # Calls that wait for a claim.

    def _wait_for(self, drop_id: str, settles: Callable[[Claim], bool]) -> asyncio.Future[Claim]:
        future: asyncio.Future[Claim] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(drop_id, []).append((settles, future))
        self._settle()
        return future

    def _settle(self) -> None:
        is_stopped = self._session.status is Status.STOPPED
        for drop_id, waiters in list(self._waiters.items()):
            claim = self._session.room.claims.get(drop_id)
            for settles, future in waiters:
                if future.done():
                    continue  # its caller was cancelled
                if claim is not None and settles(claim):
                    future.set_result(claim)
                elif is_stopped:
                    future.set_exception(StoppedError(self._session.close_code))
            self._waiters[drop_id] = [waiter for waiter in waiters if not waiter[1].done()]
            if not self._waiters[drop_id]:
                del self._waiters[drop_id]
        if is_stopped:
            self._stop_timer()


def _now() -> int:
    """Return the local ms of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


def _wall_offset_ms() -> int:
    return time.time_ns() // 1_000_000 - _now()
