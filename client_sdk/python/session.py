"""One person's connection to one room as a state machine, without a socket or a clock.

The methods are inputs with the local time in ms, of a clock that never goes back; they return effects.
The session implements the whole client side of `PROTOCOL.md`: joining, duplicates, lost claims, silence,
back-off and new tokens. `client` drives it, and so does the load tester with another kind of socket. It
must not know sockets or timers. Twin of `javascript/session.js`; `vectors.json` has scripted sessions for
both.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, cast

from client_sdk.python.frames import (
    PONG,
    SERVICE_RESTART,
    SILENT,
    TOKEN_EXPIRED,
    ClaimConfirmed,
    ClaimEnded,
    ClaimResult,
    CouponChanged,
    DrawDone,
    DrawSealed,
    DropClosed,
    DropProgress,
    DropPublished,
    DropSealed,
    ErrorFrame,
    MessageFrame,
    OfferFrame,
    OfferWithdrawn,
    Ping,
    Presence,
    TaskProgressFrame,
    Welcome,
    Winners,
    answer,
    client_random,
    decode,
    hello,
    is_reconnectable,
)
from client_sdk.python.pending_requests import PendingRequests
from client_sdk.python.room import Room
from client_sdk.python.shapes import (
    ClaimReply,
    ClaimState,
    Connect,
    Disconnect,
    Effect,
    Emit,
    ErrorEvent,
    OfferEvent,
    OfferWithdrawnEvent,
    RequestToken,
    RoomEvent,
    RoomState,
    Send,
    Status,
    StatusEvent,
    TaskProgress,
    WakeAt,
    WalletCoupon,
    WinnersEvent,
)

SILENCE_MS: Final = 35_000  # the server pings every 25 s; 10 s for the network
JOIN_MS: Final = 15_000  # from the start of an attempt to `welcome`, the token included
RETRY_MS: Final = 1_000  # the wait after an outcome `retry` that names none
BACKOFF_MS: Final = 500
BACKOFF_MAX_MS: Final = (
    10_000  # 10,000 students then try 2,000 times a second; a process accepts 5,000
)
RESTART_MS: Final = 5_000  # the wait after a drain that announced none
SEEN_WITHIN_MS: Final = 3_000  # a whole room sees a card at once: spread the reports
_DOUBLINGS: Final = 16  # beyond BACKOFF_MAX_MS, and far below an overflow

Trigger = Literal["start", "opened", "welcome", "lost", "refused", "due", "stop"]

# The states of the connection. A trigger that is not listed leaves the status as it is.
TRANSITIONS: Final[Mapping[Status, Mapping[Trigger, Status]]] = {
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
    """The session of one person in one room.

    `random` returns a number in [0, 1). Every input returns the effects to carry out, in order. An input
    that does not fit the status does nothing.
    """

    def __init__(self, room: str, random: Callable[[], float]) -> None:
        self.room = Room(room)
        self.status = Status.STOPPED
        self.close_code: int | None = None  # why the last connection ended
        self._random = random
        self._token: str | None = None
        self._attempt = 0
        self._deadline = math.inf  # local ms at which the join, the silence or the wait ends
        self._retry_after_ms: int | None = None  # set by the server in an `error` frame
        self._is_wait_fixed = False  # the server set the wait: coming online does not end it
        self._requests = PendingRequests(self._backoff)
        self._wake_at = math.inf
        self._effects: list[Effect] = []

    @property
    def state(self) -> RoomState:
        """A snapshot of everything there is to show. Do not change it."""
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
            tasks=dict(self.room.tasks),
        )

    def start(self, now: int) -> list[Effect]:
        """Connect. A session that was stopped may be started again."""
        self._transition("start", now)
        return self._finish(now)

    def stop(self) -> list[Effect]:
        """Disconnect for good, and drop the claims that wait for a reply."""
        if self.status is not Status.STOPPED:
            self.close_code = None
        self._transition("stop", 0)
        return self._take_effects()

    def token(self, token: str, now: int) -> list[Effect]:
        """Report a token, after a RequestToken or at any other time."""
        is_awaited = self.status is Status.CONNECTING and self._token is None
        if self.status is not Status.STOPPED:
            self._token = token
        if is_awaited:
            self._effects.append(Connect())
        return self._finish(now)

    def token_failed(self, now: int) -> list[Effect]:
        """Report that no token could be had now. The session tries again after a wait."""
        if self.status is Status.CONNECTING and self._token is None:
            self._on_lost(None, now)
        return self._finish(now)

    def opened(self, now: int) -> list[Effect]:
        """Report that the socket is open."""
        self._transition("opened", now)
        return self._finish(now)

    def closed(self, code: int, now: int) -> list[Effect]:
        """Report that the socket is closed, with its close code (1006 where there was none)."""
        self._on_lost(code, now)
        return self._finish(now)

    def online(self, now: int) -> list[Effect]:
        """Report that the network is back, or that the page is visible again."""
        if self.status is not Status.WAITING and now >= self._deadline:
            self._on_deadline(now)
        if self.status is Status.WAITING and not self._is_wait_fixed:
            self._transition("due", now)
        return self.tick(now)

    def woken(self, now: int) -> list[Effect]:
        """Report that the device slept while the local clock stood still.

        The difference to the server's clock is wrong now, and the connection may be dead. The session
        drops it and connects again.
        """
        if "lost" in TRANSITIONS[self.status]:
            self._on_deadline(now)
        return self.online(now)

    def frame(self, text: str, now: int) -> list[Effect]:
        """Report a text message of the socket. A frame that this SDK does not know is ignored."""
        if self.status not in (Status.JOINING, Status.LIVE):
            return []
        if self.status is Status.LIVE:
            self._deadline = now + SILENCE_MS
        frame = decode(text)
        if frame is not None:
            _ON_FRAME[frame["type"]](self, frame, now)
        return self._finish(now)

    def claim(self, drop_id: str, request_id: str, now: int) -> list[Effect]:
        """Claim a unit of the drop.

        Where a claim of it still waits, or is won already, nothing is sent.
        """
        if self.status is Status.STOPPED:
            return []
        events = self.room.tap(drop_id, request_id)
        self._emit(events)
        if events:
            mode = self.room.mode_of(drop_id)
            self._requests.tap(drop_id, request_id, now, client_random(mode, request_id))
        return self._finish(now)

    def seen(self, drop_id: str, now: int) -> list[Effect]:
        """Report that the drop's card was on the screen. The server receives it once, after a random wait."""
        self._requests.see(drop_id, lambda: now + self._random() * SEEN_WITHIN_MS)
        return self._finish(now)

    def answer(self, drop_id: str, option: int | str, now: int) -> list[Effect]:
        """Answer the question of a drop. Sent only while the connection is live: an answer costs a try, and
        must not be sent later without its student knowing.
        """
        if self.status is Status.LIVE:
            self._effects.append(Send(answer(drop_id, option)))
        return self._finish(now)

    def task_answered(self, progress: TaskProgress, now: int) -> list[Effect]:
        """Report the reply to a call of a task."""
        self._emit(self.room.task_progress(progress))
        return self._finish(now)

    def http_answered(
        self, drop_id: str, request_id: str, answer: ClaimReply, now: int
    ) -> list[Effect]:
        """Report the reply to a ClaimOverHttp."""
        self._requests.http_ended(drop_id)
        self._on_server_reached(now)
        frame = {**answer, "type": "claim_result", "drop_id": drop_id, "request_id": request_id}
        self._on_claim_result(cast(ClaimResult, frame), now)
        coupon = answer.get("coupon")
        if coupon is not None:
            self._settle(drop_id, self.room.confirm(drop_id, coupon, now))
        return self._finish(now)

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
        """Report that a ClaimOverHttp failed, with the fields of its ApiError.

        It is tried again later where `retryable`; else the claim is refused with `code`.
        """
        self._requests.http_ended(drop_id)
        if self._requests.is_pending(drop_id, request_id):
            if retryable:
                self._requests.http_failed(drop_id, now, retry_after_ms or 0)
            else:
                self._settle(drop_id, self.room.refuse(drop_id, code))
        return self._finish(now)

    def learn(self, coupons: Iterable[WalletCoupon], now: int) -> list[Effect]:
        """Report the coupons of a wallet. A claim takes its coupon's state from there if that is later."""
        self._emit(self.room.learn(coupons, now))
        return self._finish(now)

    def tick(self, now: int) -> list[Effect]:
        """Do what is due by now, and ask for the next WakeAt. Early and repeated calls do no harm."""
        self._wake_at = math.inf
        if now >= self._deadline:
            self._on_deadline(now)
        return self._finish(now)

    # The connection.

    def _transition(self, trigger: Trigger, now: int) -> None:
        following = TRANSITIONS[self.status].get(trigger)
        if following is None:
            return
        self.status = following
        has_ended = following in (Status.WAITING, Status.STOPPED)
        self._emit([StatusEvent(following, self.close_code if has_ended else None)])
        _ON_ENTER[following](self, now)

    def _on_deadline(self, now: int) -> None:
        if self.status is Status.WAITING:
            self._transition("due", now)
            return
        self._effects.append(Disconnect(SILENT))
        self._on_lost(SILENT, now)

    def _on_lost(self, code: int | None, now: int) -> None:
        if "lost" not in TRANSITIONS[self.status]:
            return
        self.close_code = code
        if code == TOKEN_EXPIRED:
            self._token = None
        self._transition("lost" if code is None or is_reconnectable(code) else "refused", now)

    def _on_server_reached(self, now: int) -> None:
        """Shorten the wait before the next connection: HTTP has reached the server."""
        if self.status is Status.WAITING and not self._is_wait_fixed:
            self._attempt = 0
            self._deadline = min(self._deadline, now + self._backoff(0))

    def _wait_ms(self) -> float:
        server_wait = self._retry_after_ms
        if server_wait is None and self.close_code == SERVICE_RESTART:
            server_wait = RESTART_MS
        self._retry_after_ms = None
        self._is_wait_fixed = server_wait is not None
        self._attempt += 1
        if server_wait is None:
            return self._backoff(self._attempt - 1)
        return self._random() * server_wait

    def _backoff(self, attempt: int) -> float:
        """Return a wait with full jitter, so that a room that was cut off does not reconnect all at once."""
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
        for drop_id in self._requests.clear():
            self.room.forget_tap(drop_id)
        self._effects.append(Disconnect(1000))

    # Frames.

    def _on_welcome(self, frame: Welcome, now: int) -> None:
        # A second welcome on a live connection means that the server could not fill a gap in the stream.
        # It replaces the state like the first one.
        self._transition("welcome", now)
        self._emit(self.room.welcome(frame, now))
        self._requests.rejoined(self.room.unanswered(), now)

    def _on_drop_published(self, frame: DropPublished, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.put_drop(frame["drop"], now))

    def _on_drop_progress(self, frame: DropProgress, now: int) -> None:
        self._emit(self.room.progress(frame, now))

    def _on_drop_closed(self, frame: DropClosed, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.close_drop(frame, now))

    def _on_drop_sealed(self, frame: DropSealed, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.seal_drop(frame, now))

    def _on_draw_sealed(self, frame: DrawSealed, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.seal_draw(frame, now))

    def _on_draw_done(self, frame: DrawDone, now: int) -> None:
        if not self.room.is_repeated(frame):
            self._emit(self.room.finish_draw(frame, now))

    def _on_winners(self, frame: Winners, _now: int) -> None:
        self._emit([WinnersEvent(frame["drop_id"], frame["names"], frame["more"])])

    def _on_presence(self, frame: Presence, _now: int) -> None:
        self._emit(self.room.set_presence(frame))

    def _on_claim_confirmed(self, frame: ClaimConfirmed, now: int) -> None:
        self._settle(frame["drop_id"], self.room.confirm(frame["drop_id"], frame["coupon"], now))

    def _on_coupon_changed(self, frame: CouponChanged, now: int) -> None:
        self._emit(self.room.change_coupon(frame, now))

    def _on_message(self, frame: MessageFrame, _now: int) -> None:
        self._emit(self.room.take_message(frame))

    def _on_offer(self, frame: OfferFrame, _now: int) -> None:
        self._emit([OfferEvent(frame["offer"])])

    def _on_offer_withdrawn(self, frame: OfferWithdrawn, _now: int) -> None:
        self._emit([OfferWithdrawnEvent(frame["offer_id"], frame["state"])])

    def _on_task_progress(self, frame: TaskProgressFrame, _now: int) -> None:
        self._emit(self.room.task_progress(frame))

    def _on_claim_revoked(self, frame: ClaimEnded, _now: int) -> None:
        self._emit(self.room.take_back(ClaimState.REVOKED, frame))

    def _on_coupon_released(self, frame: ClaimEnded, _now: int) -> None:
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

    def _on_claim_result(self, frame: ClaimResult, now: int) -> None:
        drop_id = frame["drop_id"]
        is_mine = self._requests.is_pending(drop_id, frame["request_id"])
        if frame["outcome"] not in ("retry", "rate_limited"):
            events = self.room.answer(frame)
            if is_mine:
                self._requests.done(drop_id)
            self._emit(events)
        elif is_mine:
            self._requests.postpone(drop_id, now + frame.get("retry_after_ms", RETRY_MS))

    def _settle(self, drop_id: str, events: Iterable[RoomEvent]) -> None:
        self._requests.done(drop_id)
        self._emit(events)

    # Effects.

    def _emit(self, events: Iterable[RoomEvent]) -> None:
        self._effects.extend(Emit(event) for event in events)

    def _finish(self, now: int) -> list[Effect]:
        self._emit(self.room.refresh(now))
        if self.status is not Status.STOPPED:
            self._effects.extend(self._requests.due(now, is_live=self.status is Status.LIVE))
            self._wake(now)
        return self._take_effects()

    def _wake(self, now: int) -> None:
        # Leave the timer alone where the next moment is later than the one it is set to. It then fires early,
        # finds nothing to do, and sets itself anew. Otherwise every frame would move the timer.
        is_live = self.status is Status.LIVE
        request_at = self._requests.next_at(is_live=is_live)
        following = min(self._deadline, self.room.next_change(now), request_at)
        if following < self._wake_at or self._wake_at <= now:
            self._wake_at = math.ceil(following)
            self._effects.append(WakeAt(math.ceil(following)))

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects


_ON_ENTER: Final[Mapping[Status, Callable[[Session, int], None]]] = {
    Status.CONNECTING: Session._on_connecting,
    Status.JOINING: Session._on_joining,
    Status.LIVE: Session._on_live,
    Status.WAITING: Session._on_waiting,
    Status.STOPPED: Session._on_stopped,
}

# `decode` has checked that a frame of this type has the fields that its handler reads.
_ON_FRAME: Final[Mapping[str, Callable[[Session, Any, int], None]]] = {
    "welcome": Session._on_welcome,
    "drop_opened": Session._on_drop_published,
    "drop_changed": Session._on_drop_published,
    "drop_progress": Session._on_drop_progress,
    "drop_closed": Session._on_drop_closed,
    "drop_sealed": Session._on_drop_sealed,
    "draw_sealed": Session._on_draw_sealed,
    "draw_done": Session._on_draw_done,
    "winners": Session._on_winners,
    "presence": Session._on_presence,
    "claim_result": Session._on_claim_result,
    "claim_confirmed": Session._on_claim_confirmed,
    "coupon_changed": Session._on_coupon_changed,
    "message": Session._on_message,
    "offer": Session._on_offer,
    "offer_withdrawn": Session._on_offer_withdrawn,
    "task_progress": Session._on_task_progress,
    "claim_revoked": Session._on_claim_revoked,
    "coupon_released": Session._on_coupon_released,
    "ping": Session._on_ping,
    "error": Session._on_error,
}
