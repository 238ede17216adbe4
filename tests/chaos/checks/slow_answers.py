"""The slowest answers: where the time of each went, and what happened meanwhile.

Pure; `report.py` calls it with the history. A wait has parts: the request was on its way (by socket or HTTP),
the server had put it off, the SDK waited before the next try, or it was reconnecting. `calm_ms` is the part
that is hard to justify: no fault was on the way of this tap, and what it needed was up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest

from client_sdk.python import Status
from tests.chaos.history import (
    BY_HTTP,
    DESK,
    FAILED,
    PUT_OFF,
    SENT,
    Answered,
    AvailabilityChanged,
    DeviceStarted,
    Fault,
    History,
    Step,
    Tapped,
)

KEPT = 5
_LINES = 40  # lines of one tap's story
_SOCKET, _HTTP, _BACK_OFF, _JOINING = "socket", "http", "back-off", "joining"
_PARTS = (_SOCKET, _HTTP, PUT_OFF, _BACK_OFF, _JOINING)
_WORKERS = tuple(f"worker{n}{to}" for n in (1, 2) for to in ("", "-redis", "-sql"))
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SlowAnswer:
    """One tap and its wait. `parts`: ms by what was waited for. `story`: ms from the tap, and what happened
    then."""

    student: str
    web: str
    drop_id: str
    outcome: str
    took_ms: int
    calm_ms: int
    parts: Counter[str]
    story: tuple[tuple[int, str], ...]


def longest(history: History, first: dict[tuple[str, str, str], Answered]) -> list[SlowAnswer]:
    """Return the slowest answers. `first`: the first answer to each (student, drop, request)."""
    answered = [
        (tap, answer)
        for tap in history.of(Tapped)
        if (answer := first.get((tap.student, tap.drop_id, tap.request_id))) is not None
    ]
    worst = nlargest(KEPT, answered, key=lambda both: both[1].at - both[0].at)
    return [wait for tap, answer in worst if (wait := _wait(history, tap, answer)) is not None]


def lines(waits: Iterable[SlowAnswer]) -> Iterator[str]:
    """Yield a table of the slowest answers, then the story of each."""
    kept = nlargest(KEPT, waits, key=lambda wait: wait.took_ms)
    yield "longest taps:    s  " + "".join(f"{part:>9}" for part in (*_PARTS, "calm"))
    for wait in kept:
        spent = [*(wait.parts[part] for part in _PARTS), wait.calm_ms]
        figures = "".join(f"{ms / 1000:9.2f}" for ms in spent)
        who = f"{wait.student} at {wait.web}, {wait.outcome}"
        yield f"  {wait.took_ms / 1000:15.2f}  {figures}  {who}"
    for wait in kept:
        yield f"{wait.student} at {wait.web}, {wait.drop_id}: {wait.took_ms / 1000:.2f} s"
        for after_ms, what in _shortened(wait.story)[:_LINES]:
            yield f"  {after_ms / 1000:+8.2f}  {what}"


def _shortened(story: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the story with repeated tries shortened to the first and the last."""
    whats = [what for _, what in story]
    return [
        (at, what)
        for number, (at, what) in enumerate(story)
        if what not in whats[max(0, number - 2) : number]
        or what not in whats[number + 1 : number + 3]
    ]


def _wait(history: History, tap: Tapped, answer: Answered) -> SlowAnswer | None:
    steps = [one for one in history.of(Step) if one.at <= answer.at]
    mine = next((one.device for one in steps if one.request_id == tap.request_id), None)
    if mine is None:
        return None
    web = next(one.web for one in history.of(DeviceStarted) if one.device == mine)
    steps = [one for one in steps if one.device == mine and one.request_id in ("", tap.request_id)]
    span = (tap.at, answer.at)
    on_the_way = (web, f"clients-{web}", f"{web}-redis", "redis")
    hindrances = [*_faults(history, on_the_way), *_down(history, web)]
    beside = [
        *_faults(history, _WORKERS)
    ]  # a fault of a worker can keep a desk shut, and nothing else
    covered = _clipped([(since, until) for _, since, until in hindrances], span)
    return SlowAnswer(
        tap.student,
        web,
        tap.drop_id,
        f"{answer.outcome} by {answer.way}",
        answer.at - tap.at,
        answer.at - tap.at - sum(until - since for since, until in covered),
        _parts(steps, span),
        tuple(_story(steps, [*hindrances, *beside], span)),
    )


# --- where the time went -------------------------------------------------------------------------


@dataclass(slots=True)
class _Device:
    """The state of a device while it waits for one tap."""

    status: str = Status.LIVE
    is_sent: bool = False
    is_by_http: bool = False
    is_put_off: bool = False

    def take(self, step: Step) -> None:
        if step.what == SENT:
            self.is_sent, self.is_put_off = True, False
        elif step.what == BY_HTTP:
            self.is_by_http, self.is_put_off = True, False
        elif step.what == PUT_OFF:
            self.is_put_off = True
            if step.detail.startswith(_HTTP):
                self.is_by_http = False
            else:
                self.is_sent = False
        elif step.what == FAILED:
            self.is_by_http = False
        else:
            self.status = step.what
            self.is_sent = self.is_sent and step.what == Status.LIVE

    @property
    def waits_for(self) -> str:
        if self.is_by_http:
            return _HTTP
        if self.is_sent:
            return _SOCKET
        if self.is_put_off:
            return PUT_OFF
        return _JOINING if self.status in (Status.CONNECTING, Status.JOINING) else _BACK_OFF


def _parts(steps: Sequence[Step], span: Span) -> Counter[str]:
    """Divide the whole span by what was waited for."""
    device, parts, at = _Device(), Counter[str](), span[0]
    for step in steps:
        if step.at > at:
            parts[device.waits_for] += step.at - at
            at = step.at
        device.take(step)
    parts[device.waits_for] += span[1] - at
    return parts


# --- what happened meanwhile ---------------------------------------------------------------------


def _faults(history: History, targets: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the faults of these targets, and how long each lasted."""
    begun: dict[int, int] = {}
    for fault in history.of(Fault):
        if fault.target not in targets:
            continue
        if fault.phase == "begin":
            begun[fault.number] = fault.at
        else:
            yield f"{fault.kind} {fault.target}", begun[fault.number], fault.at


def _down(history: History, web: str) -> Iterator[tuple[str, int, int]]:
    """Yield the times at which the desk was shut or this web was down."""
    since: dict[str, int] = {}
    for seen in history.of(AvailabilityChanged):
        if seen.part not in (web, DESK):
            continue
        if not seen.is_up:
            since[seen.part] = seen.at
        elif seen.part in since:
            yield f"{seen.part} down", since.pop(seen.part), seen.at


def _clipped(spans: Iterable[Span], to: Span) -> list[Span]:
    """Return the union of the spans, clipped to `to`."""
    found: list[Span] = []
    inside = ((max(since, to[0]), min(until, to[1])) for since, until in spans)
    for since, until in sorted(span for span in inside if span[0] < span[1]):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def _story(
    steps: Sequence[Step], hindrances: Iterable[tuple[str, int, int]], span: Span
) -> Iterator[tuple[int, str]]:
    """Return what the device did, between the begins and ends of what was in its way."""
    told = [
        (step.at, f"{step.what} {step.detail}".rstrip())
        for step in steps
        if span[0] - 1 <= step.at <= span[1]
    ]
    for what, since, until in hindrances:
        if since <= span[1] and until >= span[0]:
            told += [(since, f"[{what}"), (until, f" {what}]")]
    told.append((span[1], "answered"))
    for at, what in sorted(told, key=lambda one: one[0]):
        yield at - span[0], what
