"""Judges a drop: compares what the clients received with what the server's report and claims list say.

Pure. Called at the end of a storm, of a Locust run, and by tests. An empty list of findings means that every
promise held. Must not know how the reports were collected, so that it judges a remote server in the same way
as one of our own.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WINNING: Final = ("won", "already_won")
# The refusals of PROTOCOL.md, "A claim". An error code is no answer to a claim.
_NO: Final = frozenset(
    {
        "limit_reached",
        "sold_out",
        "not_open",
        "closed",
        "not_eligible",
        "blocked",
        "entered",
        "released",
        "revoked",
    }
)
NAMED: Final = 5  # students named in a finding's text; `students` has all of them
_GONE: Final = ("released", "revoked")


@dataclass(frozen=True, slots=True)
class StudentReport:
    """One student's answers about one drop.

    outcome: None means that no answer came.
    coupons: every coupon id that this student was ever given.
    has_left: the student left on purpose, and need not have received anything.
    """

    student: str
    has_tapped: bool = True
    outcome: str | None = None
    coupons: frozenset[str] = frozenset()
    is_confirmed: bool = False
    is_revoked: bool = False
    was_reached: bool = True
    has_left: bool = False

    @property
    def has_won(self) -> bool:
        return self.outcome in WINNING


@dataclass(frozen=True, slots=True)
class ListedClaim:
    """One entry of the drop's claims list."""

    student: str
    state: str


@dataclass(frozen=True, slots=True)
class LedgerSnapshot:
    """The server's side: the drop's report and its whole claims list, read when no claim was under way."""

    quantity: int
    remaining: int
    claimed: int
    confirmed: int
    returned: int
    difference: int
    claims: Sequence[ListedClaim]

    @property
    def live(self) -> list[ListedClaim]:
        return [claim for claim in self.claims if claim.state not in _GONE]


@dataclass(frozen=True, slots=True)
class DropHistory:
    """One drop and what its students received. `is_private`: nobody else can have been in the room."""

    drop_id: str
    stock: int
    reports: Sequence[StudentReport]
    is_private: bool = True


class Rule(StrEnum):
    OVERSOLD = "oversold"
    DOUBLED = "doubled"
    LOST = "lost"
    NOT_NOTIFIED = "won_but_not_told"
    UNCONFIRMED = "won_but_not_confirmed"
    REVOKED = "taken_back"
    UNANSWERED = "unanswered"
    UNREACHED = "not_reached"
    LEFT_OVER = "sold_out_with_stock_left"
    COUNTS_DIFFER = "books_differ"
    STRANGERS = "strangers"
    EVENT_MISSING = "event_missing"
    EVENT_DOUBLED = "event_doubled"
    EVENT_ORDER = "event_order"
    EVENT_UNDELIVERED = "event_undelivered"


@dataclass(frozen=True, slots=True)
class Finding:
    rule: Rule
    drop_id: str
    text: str
    students: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.students:
            return f"{self.rule}: {self.text} ({self.drop_id})"
        named = ", ".join(self.students[:NAMED])
        more = f" and {len(self.students) - NAMED} more" if len(self.students) > NAMED else ""
        return f"{self.rule}: {self.text} ({self.drop_id}): {named}{more}"


def judge(history: DropHistory, snapshot: LedgerSnapshot) -> list[Finding]:
    """Return every promise that did not hold, in the order of the rules."""
    evidence = _Evidence(history, snapshot)
    return [finding for rule in _RULES for finding in rule(evidence)]


class _Evidence:
    """The sets that several rules need, computed once."""

    def __init__(self, history: DropHistory, snapshot: LedgerSnapshot) -> None:
        self.history = history
        self.snapshot = snapshot
        self.reports = history.reports
        self.winners = {one.student for one in self.reports if one.has_won}
        self.listed = Counter(claim.student for claim in snapshot.live)
        self.ever_listed = {claim.student for claim in snapshot.claims}
        self.confirmed = {claim.student for claim in snapshot.claims if claim.state == "confirmed"}
        self.confirmed |= {claim.student for claim in snapshot.claims if claim.state == "redeemed"}

    def finding(self, rule: Rule, text: str, students: Collection[str] = ()) -> Finding:
        return Finding(rule, self.history.drop_id, text, tuple(sorted(students)))


def _oversold(evidence: _Evidence) -> Iterator[Finding]:
    stock = evidence.history.stock
    counts = {
        "told that they won": len(evidence.winners),
        "in the claims list": evidence.listed.total(),
        "claimed by the drop's report": evidence.snapshot.claimed,
    }
    for where, count in counts.items():
        if count > stock:
            yield evidence.finding(Rule.OVERSOLD, f"{count} {where}, stock {stock}")


def _doubled(evidence: _Evidence) -> Iterator[Finding]:
    twice = {student for student, count in evidence.listed.items() if count > 1}
    if twice:
        yield evidence.finding(Rule.DOUBLED, "more than one claim in the list", twice)
    given = {one.student for one in evidence.reports if len(one.coupons) > 1}
    if given:
        yield evidence.finding(Rule.DOUBLED, "given more than one coupon", given)


def _lost(evidence: _Evidence) -> Iterator[Finding]:
    lost = evidence.winners - evidence.ever_listed
    if lost:
        yield evidence.finding(Rule.LOST, "told that they won, not in the claims list", lost)


def _not_notified(evidence: _Evidence) -> Iterator[Finding]:
    """Find students who were refused or got no answer but hold a unit: nobody else can win that unit."""
    untold = {
        one.student
        for one in evidence.reports
        if not one.has_left and not one.has_won and one.student in evidence.listed
    }
    if untold:
        yield evidence.finding(
            Rule.NOT_NOTIFIED, "in the claims list, never told that they won", untold
        )


def _unconfirmed(evidence: _Evidence) -> Iterator[Finding]:
    in_books = evidence.winners & evidence.ever_listed - evidence.confirmed
    in_books -= {claim.student for claim in evidence.snapshot.claims if claim.state in _GONE}
    if in_books:
        yield evidence.finding(Rule.UNCONFIRMED, "won, not confirmed in the claims list", in_books)
    untold = {
        one.student
        for one in evidence.reports
        if one.has_won and not (one.has_left or one.is_confirmed or one.is_revoked)
    }
    if untold:
        yield evidence.finding(Rule.UNCONFIRMED, "won, never told that it is confirmed", untold)


def _revoked(evidence: _Evidence) -> Iterator[Finding]:
    revoked = {one.student for one in evidence.reports if one.is_revoked}
    revoked |= {claim.student for claim in evidence.snapshot.claims if claim.state == "revoked"}
    if revoked:
        yield evidence.finding(Rule.REVOKED, "won, and lost it again", revoked)


def _unanswered(evidence: _Evidence) -> Iterator[Finding]:
    waiting = {
        one.student
        for one in evidence.reports
        if one.has_tapped and one.outcome is None and not one.has_left
    }
    if waiting:
        holding = len(waiting & evidence.ever_listed)
        text = f"tapped, never answered ({holding} of them hold a claim)"
        yield evidence.finding(Rule.UNANSWERED, text, waiting)
    errors: dict[str, set[str]] = {}
    for one in evidence.reports:
        if one.outcome is not None and not one.has_won and one.outcome not in _NO:
            errors.setdefault(one.outcome, set()).add(one.student)
    for outcome, students in errors.items():
        yield evidence.finding(Rule.UNANSWERED, f"tapped, and was told {outcome}", students)


def _unreached(evidence: _Evidence) -> Iterator[Finding]:
    unreached = {
        one.student for one in evidence.reports if not one.has_left and not one.was_reached
    }
    if unreached:
        yield evidence.finding(Rule.UNREACHED, "in the room, never saw the drop", unreached)


def _left_over(evidence: _Evidence) -> Iterator[Finding]:
    """Find unsold units although students heard `sold_out`. Units that came back later may be left over."""
    refused = sum(one.outcome == "sold_out" for one in evidence.reports)
    left = evidence.history.stock - evidence.listed.total() - evidence.snapshot.returned
    if refused and left > 0 and len(evidence.snapshot.claims) == evidence.listed.total():
        yield evidence.finding(
            Rule.LEFT_OVER, f"{left} units left, {refused} students told sold_out"
        )


def _books(evidence: _Evidence) -> Iterator[Finding]:
    snapshot, listed = evidence.snapshot, evidence.listed.total()
    if not snapshot.claimed == snapshot.confirmed == listed:
        counts = f"claimed {snapshot.claimed}, confirmed {snapshot.confirmed}, listed {listed}"
        yield evidence.finding(Rule.COUNTS_DIFFER, f"desk and ledger differ: {counts}")
    if snapshot.difference:
        yield evidence.finding(
            Rule.COUNTS_DIFFER, f"the server's own difference is {snapshot.difference}"
        )
    if snapshot.quantity != snapshot.remaining + snapshot.claimed + snapshot.returned:
        sides = f"{snapshot.remaining} + {snapshot.claimed} + {snapshot.returned}"
        yield evidence.finding(Rule.COUNTS_DIFFER, f"quantity {snapshot.quantity} is not {sides}")


def _strangers(evidence: _Evidence) -> Iterator[Finding]:
    if evidence.history.is_private:
        strangers = evidence.listed.keys() - {one.student for one in evidence.reports}
        if strangers:
            yield evidence.finding(Rule.STRANGERS, "hold claims, were not in the room", strangers)


_RULES: Final[Sequence[Callable[[_Evidence], Iterator[Finding]]]] = (
    _oversold,
    _doubled,
    _lost,
    _not_notified,
    _unconfirmed,
    _revoked,
    _unanswered,
    _unreached,
    _left_over,
    _books,
    _strangers,
)
