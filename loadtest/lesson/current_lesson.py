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
from loadtest.clients.tokens import NamedToken, TokenError, TokenSource, load_tokens
from loadtest.lesson.gevent_socket import RoomEndpoint
from loadtest.lesson.room_connection import now_ms
from loadtest.lesson.student_outcomes import StudentOutcomes

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

    options: Namespace
    tokens: TokenSource
    endpoint: RoomEndpoint
    outcomes: StudentOutcomes
    began_at: int
    http_turns: BoundedSemaphore

    def __init__(self) -> None:
        self.has_begun = False
        self._own_room = f"lesson-{secrets.token_hex(4)}"

    def prepare(self, options: Namespace) -> None:
        """Before anybody is sent. TokenError where a pass will be missing."""
        self.options = options
        self._load_tokens(0)
        self.tokens.student(options.students - 1, self.room)
        self.tokens.staff("instructor", self.room)
        if not options.batch:
            self.tokens.staff("operator", self.room)

    def begin(self, url: str, worker: int) -> None:
        """`worker`: which of Locust's processes this is, so that no two have the same students."""
        self.options.room = self.room  # goes to the workers with the other options
        self._load_tokens(worker)
        self.endpoint = RoomEndpoint.of(url, self.room)
        self.outcomes = StudentOutcomes()
        self.http_turns = BoundedSemaphore(_CLAIMS_OVER_HTTP)
        self.began_at = now_ms()
        self.has_begun = True
        self._numbers = itertools.count()

    def _load_tokens(self, worker: int) -> None:
        crowd = f"lesson-{secrets.token_hex(3)}-{worker}"
        self.tokens = load_tokens(
            _path(self.options.secret_file), _path(self.options.token_file), crowd
        )

    @property
    def room(self) -> str:
        return self.options.room or self._own_room

    @property
    def is_private(self) -> bool:
        return self.room == self._own_room

    def next_token(self) -> NamedToken:
        return self.tokens.student(next(self._numbers), self.room)

    def staff(self, role: Role) -> dict[str, str]:
        """Headers. TokenError where the token file holds none."""
        return bearer(self.tokens.staff(role, self.room).token)

    def service(self) -> dict[str, str] | None:
        """None: a token file need not hold the school's back end."""
        try:
            return self.staff("service")
        except TokenError:
            return None

    def seconds_of(self, part: float) -> float:
        """Seconds."""
        return float(self.options.lesson_seconds) * part


lesson: Final = Lesson()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def measure(environment: Environment, delay: str, delay_ms: float) -> None:
    """Into Locust's statistics, HTML and CSV."""
    environment.events.request.fire(
        request_type=REQUEST_TYPE,
        name=EVENTS[delay],
        response_time=max(0.0, delay_ms),
        response_length=0,
        exception=None,
        context={},
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
