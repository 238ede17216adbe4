"""The people of a lesson, as Locust users: students of three kinds and their instructor.

Found by Locust through `locustfile`, which also holds the shape of the lesson. What a person is told
goes into the lesson's book, what it took into Locust's statistics. Importing locust patches the
whole process: only a process of Locust's may import this.
"""

import itertools
import random
import secrets
from argparse import Namespace
from pathlib import Path
from typing import Final, cast

from locust import FastHttpUser, task

from client_sdk.python import ApiError, ClaimState, RoomEvent
from client_sdk.python.shapes import (
    Claim,
    ClaimAnswer,
    ClaimEvent,
    Drop,
    DropEvent,
    Role,
    WelcomeEvent,
)
from loadtest.books import TEMPLATE
from loadtest.connection import RoomConnection, Ways, now_ms
from loadtest.lesson_book import LessonBook
from loadtest.passes import Pass, PassError, Passes, load_passes

# Parts of the lesson: all have come, the last drop, everybody leaves.
ALL_HERE: Final = 0.25
LEAVING: Final = 0.9
_LAST_DROP: Final = 0.8
_LATE_UNTIL: Final = 0.6
_LOSES_CONNECTION: Final = 0.1  # of the students, once
_SHOPS: Final = 0.3  # of those who have a coupon
_HASTY_TAPS: Final = 5
_PRESSED: Final = "pressed at "  # in a drop's message, before the wall clock in ms
# What Locust's statistics call each figure.
EVENTS: Final = {
    "join": "join",
    "push": "push_delay",
    "claim": "claim_round_trip",
    "confirm": "confirm_delay",
}
REQUEST_TYPE: Final = "room"


class Lesson:
    """What all users of this process share; made when the test starts."""

    room: str
    passes: Passes
    book: LessonBook
    asked: Namespace

    def begin(self, asked: Namespace, worker: int) -> None:
        self.asked = asked
        self.room = asked.room
        crowd = f"lesson-{secrets.token_hex(3)}-{worker}"
        self.passes = load_passes(_path(asked.secret_file), _path(asked.token_file), crowd)
        self.book = LessonBook()
        self._numbers = itertools.count()

    def next_student(self) -> Pass:
        return self.passes.student(next(self._numbers), self.room)

    def staff(self, role: Role) -> dict[str, str]:
        return _bearer(self.passes.staff(role, self.room).token)

    def lasts(self, part: float) -> float:
        """Seconds."""
        return float(self.asked.lesson_seconds) * part


lesson = Lesson()


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Person(FastHttpUser):
    """Somebody in the room: joins, listens, comes back after losing the connection."""

    abstract = True
    network_timeout = 10.0

    def on_start(self) -> None:
        self.me = lesson.next_student()
        ways = Ways(lambda: self.me.token, self._on_event, self._claim_over_http)
        self.connection = RoomConnection(self.host or "", lesson.room, ways)
        self._tapped_at: dict[str, int] = {}
        self._answered_at: dict[str, int] = {}
        self._confirmed: set[str] = set()
        self._came_at = 0

    def on_stop(self) -> None:
        lesson.book.leave(self.me.name, now_ms())
        self.connection.stop()

    def come_in(self) -> None:
        self._came_at = now_ms()
        self.connection.start()
        if random.random() < _LOSES_CONNECTION:
            self.connection.later(random.uniform(0, lesson.lasts(1000)), self.connection.lose)

    @task
    def sit(self) -> None:
        if not self._came_at:
            self.come_in()
        self.connection.listen(5)

    def react(self, drop: Drop) -> None:
        """The card is there."""
        raise NotImplementedError

    def tap(self, drop_id: str) -> None:
        if drop_id not in self._tapped_at:
            self._tapped_at[drop_id] = now_ms()
            lesson.book.tap(drop_id, self.me.name)
        self.connection.tap(drop_id)

    # What the room says.

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
        if self._came_at > 0:
            lesson.book.come(self.me.name, now_ms())
            self._measure("join", now_ms() - self._came_at)
            self._came_at = -1
        for drop in self.connection.state.drops:
            if drop["state"] in ("open", "sold_out"):
                self._see(drop, is_push=False)
        for claim in self.connection.state.claims.values():
            self._on_claim(claim)

    def _see(self, drop: Drop, *, is_push: bool) -> None:
        _, mark, pressed_at = drop["message"].partition(_PRESSED)
        if not mark or not lesson.book.see(drop["id"], self.me.name):
            return
        if is_push:
            self._measure("push", now_ms() - int(pressed_at))
        self.react(drop)

    def _on_claim(self, claim: Claim) -> None:
        drop_id = claim.drop_id
        if drop_id not in self._tapped_at:
            return
        lesson.book.hear(self.me.name, claim)
        if claim.state is not ClaimState.PENDING and drop_id not in self._answered_at:
            self._answered_at[drop_id] = now_ms()
            self._measure("claim", now_ms() - self._tapped_at[drop_id])
        if claim.state is ClaimState.CONFIRMED and drop_id not in self._confirmed:
            self._confirmed.add(drop_id)
            self._measure("confirm", now_ms() - self._answered_at[drop_id])
            self._think_of_shopping(claim)

    def _measure(self, figure: str, delay_ms: int) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=EVENTS[figure],
            response_time=max(0, delay_ms),
            response_length=0,
            exception=None,
            context={},
        )

    # HTTP.

    def _claim_over_http(self, drop_id: str, request_id: str) -> ClaimAnswer:
        answer = self.client.post(
            f"/v1/drops/{drop_id}/claims",
            json={"request_id": request_id},
            headers=_bearer(self.me.token),
            name="POST /v1/drops/{id}/claims",
        )
        if answer.status_code != 200:
            raise ApiError("unavailable" if answer.status_code in (0, 503) else "unknown", 0)
        return cast(ClaimAnswer, answer.json())

    def _think_of_shopping(self, claim: Claim) -> None:
        if claim.coupon is not None and random.random() < _SHOPS:
            code = claim.coupon["code"]
            self.connection.later(random.uniform(500, 5_000), lambda: self._shop(code))

    def _shop(self, code: str) -> None:
        """Looks at the price, then the school's back end locks the coupon and takes the payment."""
        line = {"id": "1", "course": "algebra", "unit_price": 9_900, "quantity": 1}
        order = {"currency": "CNY", "lines": [line]}
        self.client.post(
            "/v1/quotes", json={"order": order, "coupons": [code]}, headers=_bearer(self.me.token)
        )
        try:
            service = lesson.staff("service")
        except PassError:
            return  # a token file need not hold one
        form = {"order_id": secrets.token_hex(8), "student": self.me.name, "order": order}
        locked = self.client.post(
            "/v1/redemptions", json={**form, "coupons": [code]}, headers=service
        )
        if locked.status_code == 201:
            self.client.post(
                f"/v1/redemptions/{locked.json()['id']}/confirm",
                json={"payment_ref": form["order_id"]},
                headers=service,
                name="POST /v1/redemptions/{id}/confirm",
            )


class Student(Person):
    """Sees the card, reads it, taps once."""

    weight = 8

    def react(self, drop: Drop) -> None:
        self.connection.later(random.uniform(300, 3_000), lambda: self.tap(drop["id"]))


class HastyStudent(Person):
    """Taps before reading, again and again."""

    weight = 1

    def react(self, drop: Drop) -> None:
        for number in range(_HASTY_TAPS):
            wait_ms = number * random.uniform(100, 300)
            self.connection.later(wait_ms, lambda: self.tap(drop["id"]))


class Latecomer(Student):
    """Comes in the middle of the lesson, perhaps of a drop."""

    weight = 1

    def come_in(self) -> None:
        self.connection.listen(random.uniform(0, lesson.lasts(_LATE_UNTIL - ALL_HERE)))
        super().come_in()


class Instructor(FastHttpUser):
    """One, with drops on a schedule; looks at the counts in between, as a console does."""

    fixed_count = 1

    def on_start(self) -> None:
        self._began_at = now_ms()
        self._next_at = lesson.lasts(ALL_HERE)
        self._drop_id: str | None = None
        operator = lesson.staff("operator")
        self._teacher = lesson.staff("instructor")
        template = self.client.post("/v1/templates", json=TEMPLATE, headers=operator).json()
        form = {"template_id": template["id"], "name": "Lesson", "channel": "live"}
        # More than the drops of a lesson take; a student may win in each of them.
        form |= {"quantity": 100 * lesson.asked.stock, "per_student": 100}
        self._batch_id = self.client.post("/v1/batches", json=form, headers=operator).json()["id"]

    def wait_time(self) -> float:
        return 1.0

    @task
    def teach(self) -> None:
        passed_s = (now_ms() - self._began_at) / 1000
        if passed_s >= self._next_at and passed_s < lesson.lasts(_LAST_DROP):
            self._next_at = passed_s + lesson.asked.drop_every
            self._press()
        elif self._drop_id is not None:
            path = f"/v1/rooms/{lesson.room}/drops/{self._drop_id}"
            name = "GET /v1/rooms/{room}/drops/{id}"
            self.client.get(path, headers=self._teacher, name=name)

    def _press(self) -> None:
        at = now_ms()
        form = {
            "batch_id": self._batch_id,
            "quantity": lesson.asked.stock,
            "duration_seconds": 30,
            "message": f"{_PRESSED}{at}",
        }
        answer = self.client.post(
            f"/v1/rooms/{lesson.room}/drops",
            json=form,
            headers=self._teacher,
            name="POST /v1/rooms/{room}/drops",
        )
        if answer.status_code == 201:
            self._drop_id = answer.json()["id"]
            lesson.book.press(answer.json()["id"], lesson.asked.stock, at)
