"""What the people of a lesson were told, drop by drop, for the verdict at its end.

Written by the Locust users; a worker process sends what has changed to its master, which merges it.
Knows nothing of Locust.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypedDict

from client_sdk.python import Claim, ClaimState
from loadtest.clients.school_api import calling_as, read_books
from loadtest.verdict import Finding, History, Told, judge

_REACHED_WITHIN_MS: Final = 5_000  # also over a reconnect
_WON: Final = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Pressed:
    """A drop of this lesson. `at`: wall clock, ms."""

    drop_id: str
    stock: int
    at: int


@dataclass(slots=True)
class Stay:
    """From the first `welcome` until the student left; None: still there."""

    since: int
    until: int | None = None


class BookData(TypedDict):
    """What one process tells another, as plain lists."""

    pressed: list[list[Any]]
    told: list[list[Any]]
    stays: list[list[Any]]


class LessonBook:
    def __init__(self) -> None:
        self.pressed: dict[str, Pressed] = {}
        self._told: dict[str, dict[str, Told]] = {}  # by student, then drop
        self._stays: dict[str, Stay] = {}
        self._changed: set[tuple[str, str]] = set()
        self._moved: set[str] = set()

    def press(self, drop_id: str, stock: int, at: int) -> None:
        self.pressed[drop_id] = Pressed(drop_id, stock, at)

    def come(self, student: str, at: int) -> None:
        if student not in self._stays:
            self._stays[student] = Stay(at)
            self._moved.add(student)

    def leave(self, student: str, at: int) -> None:
        """What is not settled now need not be settled any more."""
        if student in self._stays:
            self._stays[student].until = at
            self._moved.add(student)
        for drop_id, told in list(self._told.get(student, {}).items()):
            if told.outcome is None or (told.has_won and not told.is_confirmed):
                self._put(drop_id, replace(told, has_left=True))

    def see(self, drop_id: str, student: str) -> bool:
        """False: seen before."""
        if drop_id in self._told.get(student, ()):
            return False
        self._put(drop_id, Told(student, has_tapped=False))
        return True

    def tap(self, drop_id: str, student: str) -> None:
        self._put(drop_id, replace(self._of(drop_id, student), has_tapped=True))

    def hear(self, student: str, claim: Claim) -> None:
        """Of a claim of theirs, in any state. A refusal may become a win; a win stays one."""
        told = self._of(claim.drop_id, student)
        coupon_id = claim.coupon["id"] if claim.coupon else claim.coupon_id
        if coupon_id is not None:
            told = replace(told, coupons=told.coupons | {coupon_id})
        if claim.state in _WON:
            told = replace(told, outcome="won")
        elif claim.state is not ClaimState.PENDING and not told.has_won:
            told = replace(told, outcome=claim.outcome or claim.state)
        if claim.state is ClaimState.CONFIRMED:
            told = replace(told, is_confirmed=True)
        if claim.state in (ClaimState.REVOKED, ClaimState.RELEASED):
            told = replace(told, is_revoked=True)
        self._put(claim.drop_id, told)

    def _of(self, drop_id: str, student: str) -> Told:
        told = self._told.get(student, {}).get(drop_id)
        return told or Told(student, has_tapped=False)

    def _put(self, drop_id: str, told: Told) -> None:
        self._told.setdefault(told.student, {})[drop_id] = told
        self._changed.add((told.student, drop_id))

    # For the end.

    def histories(self, is_private: bool) -> list[History]:
        """One a drop, with those who sat in the room and never saw it. `is_private`: nobody else can
        have been there."""
        return [self._history(drop, is_private) for drop in self.pressed.values()]

    def _history(self, drop: Pressed, is_private: bool) -> History:
        heard = (drops.get(drop.drop_id) for drops in self._told.values())
        told = [one for one in heard if one is not None]
        seen = {one.student for one in told}
        blind = [
            Told(name, has_tapped=False, was_reached=False)
            for name, stay in self._stays.items()
            if name not in seen and _sat_through(stay, drop.at)
        ]
        return History(drop.drop_id, drop.stock, [*told, *blind], is_private)

    # Between processes.

    def changes(self) -> BookData:
        """What is new since it was asked before."""
        told = [
            [drop_id, *_as_list(self._told[student][drop_id])] for student, drop_id in self._changed
        ]
        stays = [[name, self._stays[name].since, self._stays[name].until] for name in self._moved]
        pressed = [[one.drop_id, one.stock, one.at] for one in self.pressed.values()]
        self._changed.clear()
        self._moved.clear()
        return {"pressed": pressed, "told": told, "stays": stays}

    def merge(self, data: BookData) -> None:
        for drop_id, stock, at in data["pressed"]:
            self.press(drop_id, stock, at)
        for drop_id, *rest in data["told"]:
            told = _from_list(rest)
            self._told.setdefault(told.student, {})[drop_id] = told
        for name, since, until in data["stays"]:
            self._stays[name] = Stay(since, until)


async def judge_lesson(
    histories: Sequence[History], url: str, room: str, token: str, deadline_s: float
) -> list[Finding]:
    """Of all its drops, against the books of the server; `token`: of the instructor. Raises the SDK's
    ApiError."""
    findings: list[Finding] = []
    async with calling_as(url, token) as api:
        for history in histories:
            wins = sum(told.has_won for told in history.told)
            books = await read_books(api, room, history.drop_id, wins, deadline_s)
            findings += judge(history, books)
    return findings


def _sat_through(stay: Stay, at: int) -> bool:
    return stay.since < at and (stay.until is None or stay.until > at + _REACHED_WITHIN_MS)


def _as_list(told: Told) -> list[Any]:
    flags = [told.has_tapped, told.is_confirmed, told.is_revoked, told.was_reached, told.has_left]
    return [told.student, told.outcome, sorted(told.coupons), *flags]


def _from_list(told: list[Any]) -> Told:
    student, outcome, coupons, has_tapped, is_confirmed, is_revoked, was_reached, has_left = told
    return Told(
        student,
        has_tapped=has_tapped,
        outcome=outcome,
        coupons=frozenset(coupons),
        is_confirmed=is_confirmed,
        is_revoked=is_revoked,
        was_reached=was_reached,
        has_left=has_left,
    )
