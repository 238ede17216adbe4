"""What all users of one Locust process share: whose lesson it is, its parts, its passes, its book, and
the names under which Locust's statistics show what a room measures.

Made once by `locustfile`, begun anew with every test that is started; used by all its people.
"""

import itertools
import secrets
from argparse import Namespace
from pathlib import Path
from typing import Final

from gevent.lock import BoundedSemaphore
from locust.env import Environment

from client_sdk.python.shapes import Role
from loadtest.clients.tokens import Pass, PassError, Passes, load_passes
from loadtest.lesson.gevent_socket import Entrance
from loadtest.lesson.room_connection import now_ms
from loadtest.lesson.student_outcomes import LessonBook

# Parts of the lesson: all have come, the last drop, everybody leaves.
ALL_HERE: Final = 0.25
LAST_DROP: Final = 0.8
LEAVING: Final = 0.9
# What Locust's statistics call each figure, under this type.
REQUEST_TYPE: Final = "room"
EVENTS: Final = {
    "join": "join",
    "push": "push_delay",
    "claim": "claim_round_trip",
    "confirm": "confirm_delay",
}
_CLAIMS_OVER_HTTP: Final = 32  # at once, of all students of a process


class Lesson:
    """`http_turns`: for claims that the socket did not answer in time. `is_private`: nobody but this
    test's people can be in the room."""

    asked: Namespace
    passes: Passes
    entrance: Entrance
    book: LessonBook
    began_at: int
    http_turns: BoundedSemaphore

    def __init__(self) -> None:
        self.has_begun = False
        self._own_room = f"lesson-{secrets.token_hex(4)}"

    def prepare(self, asked: Namespace) -> None:
        """Before anybody is sent. PassError where a pass will be missing."""
        self.asked = asked
        self._load_passes(0)
        self.passes.student(asked.students - 1, self.room)
        self.passes.staff("instructor", self.room)
        if not asked.batch:
            self.passes.staff("operator", self.room)

    def begin(self, url: str, worker: int) -> None:
        """`worker`: which of Locust's processes this is, so that no two have the same students."""
        self.asked.room = self.room  # goes to the workers with the other options
        self._load_passes(worker)
        self.entrance = Entrance.of(url, self.room)
        self.book = LessonBook()
        self.http_turns = BoundedSemaphore(_CLAIMS_OVER_HTTP)
        self.began_at = now_ms()
        self.has_begun = True
        self._numbers = itertools.count()

    def _load_passes(self, worker: int) -> None:
        crowd = f"lesson-{secrets.token_hex(3)}-{worker}"
        self.passes = load_passes(
            _path(self.asked.secret_file), _path(self.asked.token_file), crowd
        )

    @property
    def room(self) -> str:
        return self.asked.room or self._own_room

    @property
    def is_private(self) -> bool:
        return self.room == self._own_room

    def next_student(self) -> Pass:
        return self.passes.student(next(self._numbers), self.room)

    def staff(self, role: Role) -> dict[str, str]:
        """Headers. PassError where the token file holds none."""
        return bearer(self.passes.staff(role, self.room).token)

    def service(self) -> dict[str, str] | None:
        """None: a token file need not hold the school's back end."""
        try:
            return self.staff("service")
        except PassError:
            return None

    def lasts(self, part: float) -> float:
        """Seconds."""
        return float(self.asked.lesson_seconds) * part


lesson: Final = Lesson()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def measure(environment: Environment, figure: str, delay_ms: float) -> None:
    """Into Locust's statistics, HTML and CSV."""
    environment.events.request.fire(
        request_type=REQUEST_TYPE,
        name=EVENTS[figure],
        response_time=max(0.0, delay_ms),
        response_length=0,
        exception=None,
        context={},
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
