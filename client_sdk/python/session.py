"""One person's connection to one room, without a socket or a clock: inputs with the local time in ms
(of a clock that never goes back), effects out.

Joining, duplicates, claims that get lost, silence, back-off, new tokens: all of `PROTOCOL.md`, run
against the scripted sessions of `vectors.json` in both languages. Driven by `client` (and by anyone
with another kind of socket, as the load tester); must not know sockets or timers. Twin of
`javascript/session.js`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, cast

from client_sdk.python.errands import Errands
from client_sdk.python.frames import (
    PONG,
    SERVICE_RESTART,
    SILENT,
    TOKEN_EXPIRED,
    ClaimConfirmed,
    ClaimResult,
    CouponChanged,
    DropClosed,
    DropProgress,
    DropTold,
    ErrorFrame,
    Ping,
    Presence,
    TakenBack,
    Welcome,
    comes_back,
    decode,
    hello,
)
from client_sdk.python.room import Room
from client_sdk.python.shapes import (
    ClaimAnswer,
    ClaimState,
    Connect,
    Disconnect,
    Effect,
    Emit,
    ErrorEvent,
    RequestToken,
    RoomEvent,
    RoomState,
    Send,
    Status,
    StatusEvent,
    WakeAt,
    WalletCoupon,
)

SILENCE_MS: Final = 35_000  # the server pings every 25 s; 10 s are for the journey
JOIN_MS: Final = 15_000  # from the wish to connect to `welcome`, token included
RETRY_MS: Final = 1_000
BACKOFF_MS: Final = 500
BACKOFF_MAX_MS: Final = 10_000  # 2,000 tries a second of 10,000 students: a process takes 5,000
RESTART_MS: Final = 5_000  # a drain that announced nothing
SEEN_WITHIN_MS: Final = 3_000
_DOUBLINGS: Final = 16  # far beyond the maximum, far below an overflow


Word = Literal["start", "opened", "welcome", "lost", "refused", "due", "stop"]

# The connection: what leads where. Anything not listed leaves the status as it is.
TRANSITIONS: Final[Mapping[Status, Mapping[Word, Status]]] = {
    Status.STOPPED: {"start": Status.CONNECTING},
    Status.CONNECTING: {
        "opened": Status.JOINING,
        "lost": Status.WAITING,
        "refused": Status.STOPPED,
        "stop": Status.STOPPED,
    },
    Status.JOINING: {
        "welcome": Status.LIVE,
        "lost": Status.WAITING,
        "refused": Status.STOPPED,
        "stop": Status.STOPPED,
    },
    Status.LIVE: {"lost": Status.WAITING, "refused": Status.STOPPED, "stop": Status.STOPPED},
    Status.WAITING: {"due": Status.CONNECTING, "stop": Status.STOPPED},
}


class Session:
    """`random` gives [0, 1). Every input returns what is to be done, in order."""

    def __init__(self, room: str, random: Callable[[], float]) -> None:
        self.room = Room(room)
        self.status = Status.STOPPED
        self.close_code: int | None = None  # why the last connection ended
        self._random = random
        self._token: str | None = None
        self._attempt = 0
        self._deadline = math.inf  # by when this status has to end: join, silence, or the wait
        self._retry_after_ms: int | None = None  # asked by the server in an `error` frame
        self._wait_is_asked = False  # coming online does not cut such a wait short
        self._errands = Errands(self._backoff)
        self._wake_at = math.inf
        self._effects: list[Effect] = []

    @property
    def state(self) -> RoomState:
        """Everything there is to show; not to be changed."""
        return RoomState(
            room=self.room.room,
            student=self.room.student,
            status=self.status,
            close_code=self.close_code,
            retry_at=self._deadline if self.status is Status.WAITING else None,
            clock_offset_ms=self.room.clock_offset_ms,
            present=self.room.present,
            drops=tuple(self.room.drops.values()),
            claims=dict(self.room.claims),
        )

    def start(self, now: int) -> list[Effect]:
        self._move("start", now)
        return self._done(now)

    def stop(self) -> list[Effect]:
        """For good: what waits for an answer is forgotten."""
        if self.status is not Status.STOPPED:
            self.close_code = None
        self._move("stop", 0)
        return self._taken()

    def token(self, token: str, now: int) -> list[Effect]:
        is_awaited = self.status is Status.CONNECTING and self._token is None
        if self.status is not Status.STOPPED:
            self._token = token
        if is_awaited:
            self._effects.append(Connect())
        return self._done(now)

    def token_failed(self, now: int) -> list[Effect]:
        if self.status is Status.CONNECTING and self._token is None:
            self._lose(None, now)
        return self._done(now)

    def opened(self, now: int) -> list[Effect]:
        self._move("opened", now)
        return self._done(now)

    def closed(self, code: int, now: int) -> list[Effect]:
        self._lose(code, now)
        return self._done(now)

    def online(self, now: int) -> list[Effect]:
        """The network is back, or the page is looked at again."""
        if self.status is not Status.WAITING and now >= self._deadline:
            self._overdue(now)
        if self.status is Status.WAITING and not self._wait_is_asked:
            self._move("due", now)
        return self.tick(now)

    def woken(self, now: int) -> list[Effect]:
        """The device slept, and the clock stood still meanwhile: the server's time is not known any
        more and the connection may be dead. Another one is opened, as by `online`."""
        if "lost" in TRANSITIONS[self.status]:
            self._overdue(now)
        return self.online(now)

    def frame(self, text: str, now: int) -> list[Effect]:
        if self.status not in (Status.JOINING, Status.LIVE):
            return []
        if self.status is Status.LIVE:
            self._deadline = now + SILENCE_MS
        frame = decode(text)
        if frame is not None:
            _ON_FRAME[frame["type"]](self, frame, now)
        return self._done(now)

    def claim(self, drop_id: str, request_id: str, now: int) -> list[Effect]:
        """A tap. Joins the one that still waits; nothing happens on a drop already won."""
        if self.status is Status.STOPPED:
            return []
        events = self.room.tap(drop_id, request_id)
        self._emit(events)
        if events:
            self._errands.tap(drop_id, request_id, now)
        return self._done(now)

    def seen(self, drop_id: str, now: int) -> list[Effect]:
        """The card was on the screen. Told once, after a random wait: a room looks up all at once."""
        self._errands.see(drop_id, lambda: now + self._random() * SEEN_WITHIN_MS)
        return self._done(now)

    def http_answered(
        self, drop_id: str, request_id: str, answer: ClaimAnswer, now: int
    ) -> list[Effect]:
        """A claim_result that came by HTTP."""
        self._errands.http_ended(drop_id)
        self._is_back(now)
        told = {**answer, "type": "claim_result", "drop_id": drop_id, "request_id": request_id}
        self._answer(cast(ClaimResult, told), now)
        coupon = answer.get("coupon")
        if coupon is not None:
            self._settle(drop_id, self.room.confirm(drop_id, coupon, now))
        return self._done(now)

    def http_failed(
        self,
        drop_id: str,
        request_id: str,
        now: int,
        *,
        code: str,
        retryable: bool,
        retry_after_ms: int | None = None,
    ) -> list[Effect]:
        """No answer by HTTP: asked again later, unless that would change nothing."""
        self._errands.http_ended(drop_id)
        if self._errands.waits_for(drop_id, request_id):
            if retryable:
                self._errands.http_failed(drop_id, now, retry_after_ms or 0)
            else:
                self._settle(drop_id, self.room.refuse(drop_id, code))
        return self._done(now)

    def learn(self, coupons: Iterable[WalletCoupon], now: int) -> list[Effect]:
        """A wallet was read: claims say the same."""
        self._emit(self.room.learn(coupons, now))
        return self._done(now)

    def tick(self, now: int) -> list[Effect]:
        """The timer has fired: what is due by now is done, and the next timer is asked for. Early and
        repeated calls do no harm."""
        self._wake_at = math.inf
        if now >= self._deadline:
            self._overdue(now)
        return self._done(now)

    # The connection.

    def _move(self, word: Word, now: int) -> None:
        following = TRANSITIONS[self.status].get(word)
        if following is None:
            return
        self.status = following
        has_ended = following in (Status.WAITING, Status.STOPPED)
        self._emit([StatusEvent(following, self.close_code if has_ended else None)])
        _ON_ENTER[following](self, now)

    def _overdue(self, now: int) -> None:
        if self.status is Status.WAITING:
            self._move("due", now)
            return
        self._effects.append(Disconnect(SILENT))
        self._lose(SILENT, now)

    def _lose(self, code: int | None, now: int) -> None:
        if "lost" not in TRANSITIONS[self.status]:
            return
        self.close_code = code
        if code == TOKEN_EXPIRED:
            self._token = None
        self._move("lost" if code is None or comes_back(code) else "refused", now)

    def _is_back(self, now: int) -> None:
        """The server was heard beside the socket: whoever waits to reconnect has waited long enough."""
        if self.status is Status.WAITING and not self._wait_is_asked:
            self._attempt = 0
            self._deadline = min(self._deadline, now + self._backoff(0))

    def _wait_ms(self) -> float:
        asked = self._retry_after_ms
        if asked is None and self.close_code == SERVICE_RESTART:
            asked = RESTART_MS
        self._retry_after_ms = None
        self._wait_is_asked = asked is not None
        self._attempt += 1
        return self._backoff(self._attempt - 1) if asked is None else self._random() * asked

    def _backoff(self, attempt: int) -> float:
        """Full jitter: a room that fell together does not come back together."""
        return self._random() * min(BACKOFF_MAX_MS, BACKOFF_MS << min(attempt, _DOUBLINGS))

    def _on_connecting(self, now: int) -> None:
        self._deadline = now + JOIN_MS
        self._effects.append(RequestToken() if self._token is None else Connect())

    def _on_joining(self, _now: int) -> None:
        self._effects.append(Send(hello(self._token or "")))

    def _on_live(self, now: int) -> None:
        self._deadline = now + SILENCE_MS
        self._attempt = 0
        self._retry_after_ms = None
        self.close_code = None

    def _on_waiting(self, now: int) -> None:
        self._deadline = now + self._wait_ms()

    def _on_stopped(self, _now: int) -> None:
        self._deadline = math.inf
        self._wake_at = math.inf
        self._token = None
        for drop_id in self._errands.done_with_all():
            self.room.forget_tap(drop_id)
        self._effects.append(Disconnect(1000))

    # Frames.

    def _on_welcome(self, frame: Welcome, now: int) -> None:
        """Again on a living connection: the server could not heal a gap. Same treatment."""
        self._move("welcome", now)
        self._emit(self.room.welcome(frame, now))
        self._errands.rejoined(self.room.unanswered(), now)

    def _on_drop_told(self, frame: DropTold, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.put_drop(frame["drop"], now))

    def _on_drop_progress(self, frame: DropProgress, now: int) -> None:
        self._emit(self.room.progress(frame, now))

    def _on_drop_closed(self, frame: DropClosed, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.close_drop(frame, now))

    def _on_presence(self, frame: Presence, _now: int) -> None:
        self._emit(self.room.set_presence(frame))

    def _on_claim_confirmed(self, frame: ClaimConfirmed, now: int) -> None:
        self._settle(frame["drop_id"], self.room.confirm(frame["drop_id"], frame["coupon"], now))

    def _on_coupon_changed(self, frame: CouponChanged, now: int) -> None:
        self._emit(self.room.change_coupon(frame, now))

    def _on_claim_revoked(self, frame: TakenBack, _now: int) -> None:
        self._emit(self.room.take_back(ClaimState.REVOKED, frame))

    def _on_coupon_released(self, frame: TakenBack, _now: int) -> None:
        self._emit(self.room.take_back(ClaimState.RELEASED, frame))

    def _on_ping(self, frame: Ping, now: int) -> None:
        self._effects.append(Send(PONG))
        self.room.set_clock(frame["now"], now)

    def _on_error(self, frame: ErrorFrame, _now: int) -> None:
        wait = frame.get("retry_after_ms")
        if wait is not None:
            self._retry_after_ms = wait
        self._emit([ErrorEvent(frame["code"], frame.get("message", ""), wait)])

    # Claims.

    def _answer(self, frame: ClaimResult, now: int) -> None:
        drop_id = frame["drop_id"]
        is_mine = self._errands.waits_for(drop_id, frame["request_id"])
        if frame["outcome"] not in ("retry", "rate_limited"):
            events = self.room.answer(frame)
            if is_mine:
                self._errands.done(drop_id)
            self._emit(events)
        elif is_mine:
            self._errands.put_off(drop_id, now + frame.get("retry_after_ms", RETRY_MS))

    def _settle(self, drop_id: str, events: Iterable[RoomEvent]) -> None:
        self._errands.done(drop_id)
        self._emit(events)

    # Effects.

    def _emit(self, events: Iterable[RoomEvent]) -> None:
        self._effects.extend(Emit(event) for event in events)

    def _done(self, now: int) -> list[Effect]:
        self._emit(self.room.refresh(now))
        if self.status is not Status.STOPPED:
            self._effects.extend(self._errands.due(now, is_live=self.status is Status.LIVE))
            self._wake(now)
        return self._taken()

    def _wake(self, now: int) -> None:
        """A later moment than the last one told is not told: the earlier wake finds nothing to do and
        asks anew. Else every frame would move a timer."""
        is_live = self.status is Status.LIVE
        errand_at = self._errands.next_at(is_live=is_live)
        following = min(self._deadline, self.room.next_change(now), errand_at)
        if following < self._wake_at or self._wake_at <= now:
            self._wake_at = math.ceil(following)
            self._effects.append(WakeAt(math.ceil(following)))

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


_ON_ENTER: Final[Mapping[Status, Callable[[Session, int], None]]] = {
    Status.CONNECTING: Session._on_connecting,
    Status.JOINING: Session._on_joining,
    Status.LIVE: Session._on_live,
    Status.WAITING: Session._on_waiting,
    Status.STOPPED: Session._on_stopped,
}

# `decode` has checked that a frame of this type is what its handler takes.
_ON_FRAME: Final[Mapping[str, Callable[[Session, Any, int], None]]] = {
    "welcome": Session._on_welcome,
    "drop_opened": Session._on_drop_told,
    "drop_changed": Session._on_drop_told,
    "drop_progress": Session._on_drop_progress,
    "drop_closed": Session._on_drop_closed,
    "presence": Session._on_presence,
    "claim_result": lambda session, frame, now: session._answer(frame, now),
    "claim_confirmed": Session._on_claim_confirmed,
    "coupon_changed": Session._on_coupon_changed,
    "claim_revoked": Session._on_claim_revoked,
    "coupon_released": Session._on_coupon_released,
    "ping": Session._on_ping,
    "error": Session._on_error,
}
