"""What happened, as those who were there saw it: taps and answers, calls and replies, faults.

Written by `clients.py`, `staff.py` and `nemesis.py`, kept as JSON lines, judged by `checker.py`. Times are
milliseconds of this machine's clock. A call without a reply is one whose outcome nobody knows: it may have
been done.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

Verdict = Literal["ok", "refused", "unknown"]
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tapped:
    """A student asks for a coupon; the SDK repeats the request by itself until it is answered."""

    at: int
    student: str
    drop_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """`asked_at`: no later than the request that this answers was sent. `way`: socket, http, or again:
    the same request once more after it had been answered."""

    at: int
    asked_at: int
    student: str
    drop_id: str
    request_id: str
    outcome: str
    way: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    at: int
    student: str
    drop_id: str
    code: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """claim_revoked or coupon_released: an apology."""

    at: int
    student: str
    drop_id: str
    word: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame of the room's feed. `connection` counts the connections of all devices."""

    at: int
    connection: int
    student: str
    drop_id: str
    word: str
    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class Welcomed:
    """`since`: when this connection was opened. `claims`: by drop, what the student was said to hold."""

    at: int
    since: int
    connection: int
    student: str
    room: str
    epoch: str
    offset: int
    drops: tuple[str, ...]
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Left:
    """Went of their own accord: what was asked before need not be answered any more."""

    at: int
    student: str


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A call of the teacher or of the shop. `key`: what makes it the same call when it is repeated."""

    at: int
    number: int
    who: str
    what: str
    key: str
    about: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """The reply to the call of that number. `code`: of a refusal or of an unknown outcome."""

    at: int
    number: int
    verdict: Verdict
    code: str
    said: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    at: int
    number: int
    kind: str
    target: str
    phase: Literal["begin", "end"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one device's SDK did or was told on the way to an answer. `what` is a status of its connection
    (`Status`), or one of SENT, BY_HTTP, PUT_OFF, FAILED, and then of that request."""

    at: int
    device: int
    student: str
    what: str
    request_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sat:
    """A device, the student who has it, and the web whose address it knows."""

    at: int
    device: int
    student: str
    web: str


@dataclass(frozen=True, slots=True)
class Seen:
    """From now on `part` of the service is up, or is not; looked at past the disturbed network."""

    at: int
    part: str  # a web, or DESK
    is_up: bool


Event = (
    Tapped
    | Answered
    | Confirmed
    | TakenBack
    | Shown
    | Welcomed
    | Left
    | ApiRequest
    | Told
    | Fault
    | Step
    | Sat
    | Seen
)  # fmt: skip
E = TypeVar("E", bound=Event)
NOT_ANSWERS = ("retry", "rate_limited")  # the same request is to be sent again
WINS = ("won", "already_won")
DESK = "desk"  # as a part of the service: up when no shard is shut
SENT = "sent"  # by the socket
BY_HTTP = "by http"
PUT_OFF = "put off"  # the server wants the same request again later; `detail`: after how many ms
FAILED = "failed"  # no answer by HTTP, or one that says: later; `detail`: its code


@dataclass(slots=True)
class History:
    """In the order in which things were noted. `log`: where each is written down at once, so that it is
    there when the bench itself dies."""

    log: IO[str] | None = None
    events: list[Event] = field(default_factory=list)
    _numbers: int = 0

    def note(self, event: Event) -> None:
        self.events.append(event)
        if self.log is not None:
            self.log.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")

    def number(self) -> int:
        """For a call, a fault or a connection."""
        self._numbers += 1
        return self._numbers

    def of(self, kind: type[E]) -> Iterator[E]:
        return (event for event in self.events if isinstance(event, kind))

    def next_round(self) -> None:
        """What was is in the log; what comes is judged by itself. How things stand goes on."""
        self.events = [event for event in self.events if _goes_on(event)]


def _goes_on(event: Event) -> bool:
    return isinstance(event, Sat | Seen) or (isinstance(event, Step) and not event.request_id)


def read(path: Path) -> History:
    """A history as it was written down, to look at a finding again."""
    history = History()
    for line in path.read_text().splitlines():
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in json.loads(line).items()
        }
        history.note(_KINDS[fields.pop("event")](**fields))
    return history


def now_ms() -> int:
    return time.time_ns() // 1_000_000


_KINDS: Mapping[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Tapped,
        Answered,
        Confirmed,
        TakenBack,
        Shown,
        Welcomed,
        Left,
        ApiRequest,
        Told,
        Fault,
        Step,
        Sat,
        Seen,
    )
}
