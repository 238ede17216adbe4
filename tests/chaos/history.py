"""The events of a run as the participants saw them: taps and answers, calls and replies, faults.

Written by `clients.py`, `staff.py` and `nemesis.py`, kept as JSON lines, judged by `checker.py`. Times are ms
of this machine's clock. A call without a reply has an unknown outcome: it may have been done.
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
    """A student sent a claim; the SDK repeats the request by itself until it is answered."""

    at: int
    student: str
    drop_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a claim. `asked_at`: not later than the moment at which the request was sent.

    `way`: socket, http, or again (the same request sent again after it had been answered).
    """

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
class ClaimTakenBack:
    """A claim_revoked or coupon_released frame."""

    at: int
    student: str
    drop_id: str
    word: str


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """A frame of the room's feed. `connection` numbers the connections of all devices."""

    at: int
    connection: int
    student: str
    drop_id: str
    word: str
    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class Welcomed:
    """A welcome. `since`: when this connection was opened. `claims`: the student's claims in it, by drop."""

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
class StudentLeft:
    """A student left on purpose. Claims that are unanswered at this moment need not be answered any more."""

    at: int
    student: str


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A call of the instructor or of the shop. `key` makes a repeated call the same call."""

    at: int
    number: int
    who: str
    what: str
    key: str
    about: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiReply:
    """The reply to a call. `code`: of a refusal or of an unknown outcome."""

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
    """One step of a device's SDK on the way to an answer.

    `what` is a status of the connection (`Status`), or one of SENT, BY_HTTP, PUT_OFF, FAILED, and then it is
    about that request.
    """

    at: int
    device: int
    student: str
    what: str
    request_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DeviceStarted:
    """A device, its student, and the web that it connects to."""

    at: int
    device: int
    student: str
    web: str


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """A part of the service went up or down, as seen past the disturbed network."""

    at: int
    part: str  # a web, or DESK
    is_up: bool


Event = (
    Tapped
    | Answered
    | Confirmed
    | ClaimTakenBack
    | FrameReceived
    | Welcomed
    | StudentLeft
    | ApiRequest
    | ApiReply
    | Fault
    | Step
    | DeviceStarted
    | AvailabilityChanged
)  # fmt: skip
E = TypeVar("E", bound=Event)
NOT_ANSWERS = ("retry", "rate_limited")  # the SDK sends the same request again after these
WINS = ("won", "already_won")
DESK = "desk"  # the desk as a part: it is up when no shard is shut
SENT = "sent"  # over the socket
BY_HTTP = "by http"
PUT_OFF = "put off"  # the server wants the same request again later; `detail`: the wait in ms
FAILED = "failed"  # the HTTP call got no answer, or a retryable one; `detail`: its code


@dataclass(slots=True)
class History:
    """The events in the order in which they were noted.

    Each is written to `log` at once, so that it survives a crash of the bench.
    """

    log: IO[str] | None = None
    events: list[Event] = field(default_factory=list)
    _numbers: int = 0

    def note(self, event: Event) -> None:
        self.events.append(event)
        if self.log is not None:
            self.log.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")

    def number(self) -> int:
        """Return a new number for a call, a fault or a connection."""
        self._numbers += 1
        return self._numbers

    def of(self, kind: type[E]) -> Iterator[E]:
        return (event for event in self.events if isinstance(event, kind))

    def next_round(self) -> None:
        """Begin a round: earlier events stay in the log, and only new ones are judged. The state of devices
        carries on."""
        self.events = [event for event in self.events if _goes_on(event)]


def _goes_on(event: Event) -> bool:
    return isinstance(event, DeviceStarted | AvailabilityChanged) or (
        isinstance(event, Step) and not event.request_id
    )


def read(path: Path) -> History:
    """Read a history back from its log, to look at a finding again."""
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
        ClaimTakenBack,
        FrameReceived,
        Welcomed,
        StudentLeft,
        ApiRequest,
        ApiReply,
        Fault,
        Step,
        DeviceStarted,
        AvailabilityChanged,
    )
}
