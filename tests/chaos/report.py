"""The report of a run: faults by kind, claims made during faults, and how long students waited.

Pure. `bench.py` adds each round, `__main__.py` prints the lines.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.checks import slow_answers
from tests.chaos.checks.checker import Violation
from tests.chaos.history import (
    NOT_ANSWERS,
    Answered,
    ApiReply,
    ApiRequest,
    Confirmed,
    Fault,
    History,
    Tapped,
)

_PROMISES = {
    "I1": "sold beyond stock or twice",
    "I2": "beyond a student's limit",
    "I3": "lost after won or confirmed",
    "I4": "answered otherwise or doubled",
    "I5": "shown otherwise, twice or not at all",
    "I6": "units that do not add up",
    "I10": "issued otherwise than once",
    "I12": "drawn otherwise than sealed",
    "told": "never answered",
    "money": "money",
    "quiet": "not settled in time",
}


@dataclass(slots=True)
class Report:
    """The sums over all rounds.

    under_fault: wins that were tapped or answered during a fault.
    longest_ms: the longest wait for a first answer that overlapped a fault, by the fault's kind.
    """

    rounds: int = 0
    taps: int = 0
    won: int = 0
    under_fault: int = 0
    confirmed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    longest_ms: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    waits: list[slow_answers.SlowAnswer] = field(default_factory=list)
    quiet_ms: int = 0
    violations: list[Violation] = field(default_factory=list)

    def add_round(self, history: History, violations: list[Violation], quiet_ms: int) -> None:
        """Add a round. `quiet_ms`: the time from the end of the faults until nothing was under way."""
        self.rounds += 1
        self.violations += violations
        self.quiet_ms = max(self.quiet_ms, quiet_ms)
        self.taps += sum(1 for _ in history.of(Tapped))
        self.confirmed += len({(c.student, c.drop_id) for c in history.of(Confirmed)})
        self._add_calls(history)
        spans = list(_spans(history))
        self.faults.update(kind for kind, _, _ in spans)
        self._add_waits(history, spans)

    def _add_calls(self, history: History) -> None:
        whats = {call.number: call.what for call in history.of(ApiRequest)}
        for reply in history.of(ApiReply):
            self.calls[f"{whats[reply.number]} {reply.verdict}"] += 1

    def _add_waits(self, history: History, spans: list[tuple[str, int, int]]) -> None:
        first = _first_answers(history)
        self.waits += slow_answers.longest(history, first)
        for tap in history.of(Tapped):
            answer = first.get((tap.student, tap.drop_id, tap.request_id))
            if answer is None:
                continue
            touched = {
                kind for kind, since, until in spans if since <= answer.at and tap.at <= until
            }
            self.won += answer.outcome == "won"
            self.under_fault += answer.outcome == "won" and bool(touched)
            for kind in touched or {"none"}:
                self.longest_ms[kind] = max(self.longest_ms[kind], answer.at - tap.at)

    def lines(self) -> Iterator[str]:
        yield f"rounds {self.rounds}, faults {self.faults.total()}"
        for kind in sorted({*self.faults, *self.longest_ms}):
            waited = self.longest_ms.get(kind, 0) / 1000
            yield f"  {kind:16} {self.faults[kind]:4} times, longest wait of a tap {waited:6.2f} s"
        yield f"taps {self.taps}, won {self.won}, of these under a fault {self.under_fault}"
        yield f"students told confirmed {self.confirmed}; calls: " + ", ".join(
            f"{what} {count}" for what, count in sorted(self.calls.items())
        )
        yield from slow_answers.lines(self.waits)
        yield f"longest until all was settled after the last fault: {self.quiet_ms / 1000:.1f} s"
        counts = Counter(one.promise for one in self.violations)
        yield "broken: " + ", ".join(f"{what} {counts[key]}" for key, what in _PROMISES.items())


def _first_answers(history: History) -> dict[tuple[str, str, str], Answered]:
    first: dict[tuple[str, str, str], Answered] = {}
    for one in history.of(Answered):
        if one.outcome not in NOT_ANSWERS:
            first.setdefault((one.student, one.drop_id, one.request_id), one)
    return first


def _spans(history: History) -> Iterator[tuple[str, int, int]]:
    """Return kind, begin and end of each fault."""
    begun: dict[int, Fault] = {}
    for fault in history.of(Fault):
        if fault.phase == "begin":
            begun[fault.number] = fault
        else:
            yield f"{fault.kind} {_what(fault.target)}", begun[fault.number].at, fault.at


def _what(target: str) -> str:
    """Return the kind of a target: `web1-redis` is a connection from a web to Redis."""
    return target.translate({ord(digit): None for digit in "0123456789"})
