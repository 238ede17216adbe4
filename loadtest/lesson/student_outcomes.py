"""The answers that students of a lesson received, drop by drop, for the verdict at its end.

Written by the Locust users. A worker process of Locust's sends its changes to the master process, which
merges them. Must not know Locust.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypedDict

from client_sdk.python import Claim, ClaimState
from loadtest.clients.school_api import api_as, read_ledger_snapshot
from loadtest.verdict import DropHistory, Finding, StudentReport, judge

_REACHED_WITHIN_MS: Final = 5_000  # also the time within which a reconnect has to bring the drop
_WON: Final = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class OpenedDrop:
    """A drop of this lesson. `at`: wall clock in ms when the instructor opened it."""

    drop_id: str
    stock: int
    at: int


@dataclass(slots=True)
class Presence:
    """The time from a student's first `welcome` until they left; `until` None: still there."""

    since: int
    until: int | None = None


class OutcomesData(TypedDict):
    """The changes that one process sends to another, as plain lists."""

    drops: list[list[Any]]
    reports: list[list[Any]]
    stays: list[list[Any]]


class StudentOutcomes:
    def __init__(self) -> None:
        self.opened_drops: dict[str, OpenedDrop] = {}
        self._told: dict[str, dict[str, StudentReport]] = {}  # student -> drop id -> report
        self._stays: dict[str, Presence] = {}
        self._changed: set[tuple[str, str]] = set()
        self._moved: set[str] = set()

    def add_drop(self, drop_id: str, stock: int, at: int) -> None:
        self.opened_drops[drop_id] = OpenedDrop(drop_id, stock, at)

    def joined(self, student: str, at: int) -> None:
        if student not in self._stays:
            self._stays[student] = Presence(at)
            self._moved.add(student)

    def present(self) -> list[str]:
        """Return the students who are in the room, of this process."""
        return [name for name, stay in self._stays.items() if stay.until is None]

    def confirmed_coupons(self) -> set[str]:
        """Return the ids of the coupons that students were told are confirmed."""
        reports = (one for drops in self._told.values() for one in drops.values())
        return {coupon_id for one in reports if one.is_confirmed for coupon_id in one.coupons}

    def left(self, student: str, at: int) -> None:
        """Note that a student left. Claims that are not answered or confirmed now need not be any more."""
        if student in self._stays:
            self._stays[student].until = at
            self._moved.add(student)
        for drop_id, report in list(self._told.get(student, {}).items()):
            if report.outcome is None or (report.has_won and not report.is_confirmed):
                self._put(drop_id, replace(report, has_left=True))

    def saw_drop(self, drop_id: str, student: str) -> bool:
        """Note that the student has the card; return False if they already had it."""
        if drop_id in self._told.get(student, ()):
            return False
        self._put(drop_id, StudentReport(student, has_tapped=False))
        return True

    def tap(self, drop_id: str, student: str) -> None:
        self._put(drop_id, replace(self._of(drop_id, student), has_tapped=True))

    def claim_changed(self, student: str, claim: Claim) -> None:
        """Note the state of a student's claim. A refusal may become a win later; a win stays a win (I4)."""
        report = self._of(claim.drop_id, student)
        coupon_id = claim.coupon["id"] if claim.coupon else claim.coupon_id
        if coupon_id is not None:
            report = replace(report, coupons=report.coupons | {coupon_id})
        if claim.state in _WON:
            report = replace(report, outcome="won")
        elif claim.state is not ClaimState.PENDING and not report.has_won:
            report = replace(report, outcome=claim.outcome or claim.state)
        if claim.state is ClaimState.CONFIRMED:
            report = replace(report, is_confirmed=True)
        if claim.state in (ClaimState.REVOKED, ClaimState.RELEASED):
            report = replace(report, is_revoked=True)
        self._put(claim.drop_id, report)

    def _of(self, drop_id: str, student: str) -> StudentReport:
        report = self._told.get(student, {}).get(drop_id)
        return report or StudentReport(student, has_tapped=False)

    def _put(self, drop_id: str, report: StudentReport) -> None:
        self._told.setdefault(report.student, {})[drop_id] = report
        self._changed.add((report.student, drop_id))

    # The end of the lesson.

    def histories(self, is_private: bool) -> list[DropHistory]:
        """Return one history for each drop, with the students who were in the room but never got the card.

        `is_private`: nobody else can have been in the room.
        """
        return [self._history(drop, is_private) for drop in self.opened_drops.values()]

    def _history(self, drop: OpenedDrop, is_private: bool) -> DropHistory:
        heard = (drops.get(drop.drop_id) for drops in self._told.values())
        report = [one for one in heard if one is not None]
        seen = {one.student for one in report}
        blind = [
            StudentReport(name, has_tapped=False, was_reached=False)
            for name, stay in self._stays.items()
            if name not in seen and _sat_through(stay, drop.at)
        ]
        return DropHistory(drop.drop_id, drop.stock, [*report, *blind], is_private)

    # Exchange between processes.

    def changes(self) -> OutcomesData:
        """Return the changes since the last call."""
        reports = [
            [drop_id, *_as_list(self._told[student][drop_id])] for student, drop_id in self._changed
        ]
        stays = [[name, self._stays[name].since, self._stays[name].until] for name in self._moved]
        drops = [[one.drop_id, one.stock, one.at] for one in self.opened_drops.values()]
        self._changed.clear()
        self._moved.clear()
        return {"drops": drops, "reports": reports, "stays": stays}

    def merge(self, data: OutcomesData) -> None:
        for drop_id, stock, at in data["drops"]:
            self.add_drop(drop_id, stock, at)
        for drop_id, *rest in data["reports"]:
            report = _from_list(rest)
            self._told.setdefault(report.student, {})[drop_id] = report
        for name, since, until in data["stays"]:
            self._stays[name] = Presence(since, until)


async def judge_lesson(
    histories: Sequence[DropHistory], url: str, room: str, token: str, deadline_s: float
) -> list[Finding]:
    """Judge all drops of a lesson against the server's reports; `token` is the instructor's.

    Raises the SDK's ApiError.
    """
    findings: list[Finding] = []
    async with api_as(url, token) as api:
        for history in histories:
            wins = sum(report.has_won for report in history.reports)
            snapshot = await read_ledger_snapshot(api, room, history.drop_id, wins, deadline_s)
            findings += judge(history, snapshot)
    return findings


def _sat_through(stay: Presence, at: int) -> bool:
    return stay.since < at and (stay.until is None or stay.until > at + _REACHED_WITHIN_MS)


def _as_list(report: StudentReport) -> list[Any]:
    flags = [
        report.has_tapped,
        report.is_confirmed,
        report.is_revoked,
        report.was_reached,
        report.has_left,
    ]
    return [report.student, report.outcome, sorted(report.coupons), *flags]


def _from_list(report: list[Any]) -> StudentReport:
    student, outcome, coupons, has_tapped, is_confirmed, is_revoked, was_reached, has_left = report
    return StudentReport(
        student,
        has_tapped=has_tapped,
        outcome=outcome,
        coupons=frozenset(coupons),
        is_confirmed=is_confirmed,
        is_revoked=is_revoked,
        was_reached=was_reached,
        has_left=has_left,
    )
