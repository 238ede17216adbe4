"""The state that all users of one Locust process share: options, tokens, outcomes, and the parts of the
lesson.

The object `lesson` is created when `locustfile` is imported, and begins anew with every test that is started.
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
from loadtest.lesson.school_log import SchoolLog
from loadtest.lesson.student_outcomes import StudentOutcomes

# Parts of the lesson's time: everybody has joined, the last drop has opened, students begin to leave.
ALL_HERE: Final = 0.25
LAST_DROP: Final = 0.8
LEAVING: Final = 0.9
# The names of the delays in Locust's statistics, under this request type.
REQUEST_TYPE: Final = "room"
EVENTS: Final = {
    "join": "join",
    "push": "push_delay",
    "claim": "claim_round_trip",
    "confirm": "confirm_delay",
}
_CLAIMS_OVER_HTTP: Final = 32  # HTTP claims at the same time, of all students of one process


class Lesson:
    """The lesson of one Locust process.

    http_turns: limits the claims over HTTP that are sent because the socket did not answer in time.
    is_private: nobody but this test's users can be in the room.
    """

    options: Namespace
    tokens: TokenSource
    endpoint: RoomEndpoint
    outcomes: StudentOutcomes
    school: SchoolLog
    webhook_id: str | None  # to be removed at the end
    began_at: int
    http_turns: BoundedSemaphore

    def __init__(self) -> None:
        self.has_begun = False
        self._own_room = f"lesson-{secrets.token_hex(4)}"

    def prepare(self, options: Namespace) -> None:
        """Check the options before any user starts. Raises TokenError if a token would be missing later."""
        self.options = options
        self._load_tokens(0)
        self.tokens.student(options.students - 1, self.room)
        self.tokens.staff("instructor", self.room)
        if not options.batch:
            self.tokens.staff("operator", self.room)

    def begin(self, url: str, worker: int) -> None:
        """Begin a test. `worker` is the index of this Locust process, so that no two processes play the same
        students."""
        self.options.room = self.room  # Locust sends the options to its worker processes
        self._load_tokens(worker)
        self.endpoint = RoomEndpoint.of(url, self.room)
        self.outcomes = StudentOutcomes()
        self.school = SchoolLog()
        self.webhook_id = None
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
        """Return request headers. Raises TokenError if the token file has no such token."""
        return bearer(self.tokens.staff(role, self.room).token)

    def service(self) -> dict[str, str] | None:
        """Return the back end's headers, or None: a token file need not have that token."""
        try:
            return self.staff("service")
        except TokenError:
            return None

    def seconds_of(self, part: float) -> float:
        """Return the seconds from the start of the lesson to this part of its time."""
        return float(self.options.lesson_seconds) * part


lesson: Final = Lesson()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def measure(environment: Environment, delay: str, delay_ms: float) -> None:
    """Add a delay to Locust's statistics, its HTML page and its CSV file."""
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
