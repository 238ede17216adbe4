"""The students of a lesson, as Locust users of three kinds.

Locust finds them through `locustfile`. What a student receives goes into the lesson's outcomes, and the
delays go into Locust's statistics. Events of the room are handled in callbacks of the loop, which must not
wait. What has to wait (HTTP) goes into the student's queue, and the student's Locust task does one after the
other. Importing locust patches the process, so only a process of Locust's may import this module.
"""

import random
from collections.abc import Callable
from typing import Final, cast

from gevent.queue import Queue
from locust import FastHttpUser, task

from client_sdk.python import ApiError, Claim, ClaimState, RoomEvent
from client_sdk.python.shapes import ClaimEvent, ClaimReply, Drop, DropEvent, WelcomeEvent
from loadtest.lesson.checkout import buy
from loadtest.lesson.current_lesson import ALL_HERE, bearer, lesson, measure
from loadtest.lesson.room_connection import Callbacks, RoomConnection, now_ms

_LATE_UNTIL: Final = 0.6  # part of the lesson's time at which the last latecomer has joined
_LOSES_CONNECTION: Final = 0.1  # part of the students who lose the connection once
_SHOPS: Final = 0.3  # part of the winners who buy something
_HASTY_TAPS: Final = 5
_ARRIVES_WITHIN_MS: Final = (
    1_000  # Locust starts all users of one second at once; they join spread over it
)
_MOST_TO_DO: Final = 256  # one claim and one purchase for each drop; no lesson has a hundred drops
_NOT_ASKED: Final = ApiError("unreachable", 0)  # the socket answered before the HTTP call was sent
PRESSED_AT: Final = "pressed at "  # precedes the wall clock in ms in a drop's message


class Person(FastHttpUser):
    """A student in the room: joins, gets cards, reconnects after losing the connection."""

    abstract = True
    insecure = False

    def on_start(self) -> None:
        self.me = lesson.next_token()
        callbacks = Callbacks(lambda: self.me.token, self._on_event, self._claim_over_http)
        self.connection = RoomConnection(lesson.endpoint, lesson.room, callbacks)
        self._to_do: Queue[Callable[[], None]] = Queue(_MOST_TO_DO)
        self._joining_since: float | None = None  # None as soon as the welcome has come
        self._tapped_at: dict[str, float] = {}
        self._answered_at: dict[str, float] = {}
        self._confirmed: set[str] = set()
        self.connection.call_later(self.joins_after_ms(), self._come_in)
        if random.random() < _LOSES_CONNECTION:
            at_ms = random.uniform(0, lesson.seconds_of(1) * 1000)
            self.connection.call_later(at_ms, lambda _: self.connection.break_connection())

    def on_stop(self) -> None:
        lesson.outcomes.left(self.me.name, now_ms())
        self.connection.stop()

    @task
    def take_part(self) -> None:
        self._to_do.get()()

    # What the kinds of students do differently.

    def joins_after_ms(self) -> float:
        return random.uniform(0, _ARRIVES_WITHIN_MS)

    def react(self, drop: Drop) -> None:
        """Act on a card that has just come."""
        raise NotImplementedError

    def tap(self, drop_id: str, planned_at: float) -> None:
        if drop_id not in self._tapped_at:
            self._tapped_at[drop_id] = planned_at
            lesson.outcomes.tap(drop_id, self.me.name)
        self.connection.tap(drop_id)

    # Events of the room.

    def _come_in(self, planned_at: float) -> None:
        self._joining_since = planned_at
        self.connection.start()

    def _on_event(self, event: RoomEvent) -> None:
        match event:
            case WelcomeEvent():
                self._on_welcome()
            case DropEvent(type="drop_opened"):
                self._see(event.drop, is_push=True)
            case ClaimEvent():
                self._on_claim(event.claim)
            case _:
                pass

    def _on_welcome(self) -> None:
        if self._joining_since is not None:
            lesson.outcomes.joined(self.me.name, now_ms())
            self._measure("join", self._joining_since)
            self._joining_since = None
        state = self.connection.state
        for drop in state.drops:
            if drop["state"] in ("open", "sold_out"):
                self._see(drop, is_push=False)
        for claim in state.claims.values():
            self._on_claim(claim)

    def _see(self, drop: Drop, *, is_push: bool) -> None:
        _, mark, pressed_at = drop["message"].partition(PRESSED_AT)
        if not mark or not lesson.outcomes.saw_drop(drop["id"], self.me.name):
            return
        if is_push:
            self._measure("push", int(pressed_at))
        self.connection.card_shown(drop["id"])
        self.react(drop)

    def _on_claim(self, claim: Claim) -> None:
        drop_id = claim.drop_id
        if drop_id not in self._tapped_at:
            return
        lesson.outcomes.claim_changed(self.me.name, claim)
        if claim.state is not ClaimState.PENDING and drop_id not in self._answered_at:
            self._answered_at[drop_id] = self.connection.received_at
            self._measure("claim", self._tapped_at[drop_id])
        if claim.state is ClaimState.CONFIRMED and drop_id not in self._confirmed:
            self._confirmed.add(drop_id)
            self._measure("confirm", self._answered_at[drop_id])
            self._think_of_shopping(claim)

    def _measure(self, delay: str, since: float) -> None:
        measure(self.environment, delay, self.connection.received_at - since)

    # Work that waits: HTTP calls.

    def _claim_over_http(self, drop_id: str, request_id: str) -> None:
        self._to_do.put_nowait(lambda: self._ask_over_http(drop_id, request_id))

    def _ask_over_http(self, drop_id: str, request_id: str) -> None:
        with lesson.http_turns:
            if not self.connection.is_pending(drop_id):
                self.connection.failed_over_http(drop_id, request_id, _NOT_ASKED)
                return
            answer = self.client.post(
                f"/v1/drops/{drop_id}/claims",
                json={"request_id": request_id},
                headers=bearer(self.me.token),
                name="/v1/drops/{id}/claims",
            )
        if answer.status_code == 200:
            told = cast(ClaimReply, answer.json())
            self.connection.answered_over_http(drop_id, request_id, told)
        else:  # 0 means that the server could not be reached
            code = "unknown" if answer.status_code else "unreachable"
            error = ApiError(code, answer.status_code)
            self.connection.failed_over_http(drop_id, request_id, error)

    def _think_of_shopping(self, claim: Claim) -> None:
        if claim.coupon is not None and random.random() < _SHOPS:
            code = claim.coupon["code"]

            def shop(_planned_at: float) -> None:
                self._to_do.put_nowait(lambda: buy(self.client, self.me, code))

            self.connection.call_later(random.uniform(500, 5_000), shop)


class Student(Person):
    """Reads the card for 0.3 to 3 s, then taps once."""

    weight = 8

    def react(self, drop: Drop) -> None:
        drop_id = drop["id"]
        self.connection.call_later(random.uniform(300, 3_000), lambda at: self.tap(drop_id, at))


class HastyStudent(Person):
    """Taps at once, and again several times."""

    weight = 1

    def react(self, drop: Drop) -> None:
        drop_id = drop["id"]
        for number in range(_HASTY_TAPS):
            wait_ms = number * random.uniform(100, 300)
            self.connection.call_later(wait_ms, lambda at: self.tap(drop_id, at))


class Latecomer(Student):
    """Joins in the middle of the lesson, perhaps during a drop."""

    weight = 1

    def joins_after_ms(self) -> float:
        return random.uniform(0, lesson.seconds_of(_LATE_UNTIL - ALL_HERE) * 1000)
