"""The samples of one client process: what each student received and when, in plain arrays.

Written by `student`, sent through the pipe at the end, read by `results` and turned into the verdict's
reports. Moments are ns of CLOCK_MONOTONIC, which all processes of one machine share; 0 means never.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.verdict import StudentReport


def _moments(size: int) -> "array[int]":
    return array("q", bytes(8 * size))


@dataclass(frozen=True, slots=True)
class Absence:
    """The time from a lost connection to the next welcome. `close_code` None: no close frame came.
    `announced_ms`: the wait that the server asked for; None: it named none."""

    number: int
    close_code: int | None
    announced_ms: int | None
    lost_at: int
    back_at: int

    @property
    def late_s(self) -> float:
        """Seconds after the announced wait had passed; negative: the student was back before."""
        return (self.back_at - self.lost_at) / 1e9 - (self.announced_ms or 0) / 1000


@dataclass(slots=True)
class Recording:
    """Samples and counts of all students of one process; arrays are indexed by the student's number.

    `room_numbers`: the room of each; the drop goes to room 0. `changed`: moments by the drop's new quantity.
    `disconnected_at`: when all connections of this process were cut on purpose; 0: never.
    """

    names: list[str]
    room_numbers: list[int]
    join_due: "array[int]" = field(init=False)
    joined: "array[int]" = field(init=False)
    pushed: "array[int]" = field(init=False)
    tap_due: "array[int]" = field(init=False)
    answered: "array[int]" = field(init=False)
    confirmed: "array[int]" = field(init=False)
    rejoined: "array[int]" = field(init=False)
    outcomes: list[str | None] = field(init=False)
    connected: bytearray = field(init=False)
    coupons: dict[int, set[str]] = field(default_factory=dict)
    revoked: set[int] = field(default_factory=set)
    changed: dict[int, "array[int]"] = field(default_factory=dict)
    absences: list[Absence] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    disconnected_at: int = 0
    joins: int = 0
    rejoins: int = 0
    changes: int = 0
    pushes: int = 0
    answers: int = 0
    wins: int = 0
    confirmations: int = 0
    _away: dict[int, tuple[int, int | None, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.names)
        self.join_due, self.joined, self.pushed = _moments(size), _moments(size), _moments(size)
        self.tap_due, self.answered = _moments(size), _moments(size)
        self.confirmed, self.rejoined = _moments(size), _moments(size)
        self.outcomes = [None] * size
        self.connected = bytearray(size)

    def join(self, number: int, at: int) -> None:
        """Note a welcome: the first one is a join, a later one ends an absence."""
        was_here, self.connected[number] = self.connected[number], 1
        if not self.joined[number]:
            self.joined[number] = at
            self.joins += 1
        elif not was_here:
            self.rejoined[number] = at
            self.rejoins += 1
            lost_at, code, announced_ms = self._away.pop(number, (at, None, None))
            self.absences.append(Absence(number, code, announced_ms, lost_at, at))

    @property
    def away(self) -> int:
        """The number of students who lost the connection and are not back."""
        return len(self._away)

    def lose(self, number: int, at: int, code: int | None, announced_ms: int | None) -> None:
        """Note a lost connection. Ignored for a student who was not in the room."""
        if self.connected[number]:
            self.connected[number] = 0
            self._away[number] = (at, code, announced_ms)

    def push(self, number: int, at: int) -> bool:
        """Note that the card came; return False if this student already has it."""
        if self.pushed[number]:
            return False
        self.pushed[number] = at
        self.pushes += 1
        return True

    def change(self, quantity: int, at: int) -> None:
        """Note that one student got a change of the drop; the new quantity says which change."""
        self.changed.setdefault(quantity, array("q")).append(at)
        self.changes += 1

    def answer(self, number: int, at: int, outcome: str, coupon_id: str | None) -> None:
        """Note an answer to a claim. A refusal may become a win later; a win stays a win (I4)."""
        if coupon_id is not None:
            self.coupons.setdefault(number, set()).add(coupon_id)
        before = self.outcomes[number]
        if before is None:
            self.answered[number] = at
            self.answers += 1
        if before != "won":
            self.outcomes[number] = outcome
            self.wins += outcome == "won"

    def confirm(self, number: int, at: int, coupon_id: str) -> None:
        self.coupons.setdefault(number, set()).add(coupon_id)
        if not self.confirmed[number]:
            self.confirmed[number] = at
            self.confirmations += 1


def reports_of(recordings: Sequence[Recording]) -> list[StudentReport]:
    """Return the verdict's report of each student who was in the drop's room."""
    return [
        StudentReport(
            student=one.names[number],
            has_tapped=bool(one.tap_due[number]),
            outcome=one.outcomes[number],
            coupons=frozenset(one.coupons.get(number, ())),
            is_confirmed=bool(one.confirmed[number]),
            is_revoked=number in one.revoked,
            was_reached=bool(one.pushed[number]),
        )
        for one in recordings
        for number in range(len(one.names))
        if one.room_numbers[number] == 0
    ]
