"""The promises, held against what happened: what clients were told beside what the server's books
say. An empty list means that all held.

Pure. Called at the end of a storm, of a Locust run and by tests; must not know how a history came
about, so that it judges a remote server as well as one of our own.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WINNING: Final = ("won", "already_won")
# PROTOCOL.md, "A claim"; an error's code is not one.
_NO: Final = frozenset(
    {
        "limit_reached",
        "sold_out",
        "not_open",
        "closed",
        "not_eligible",
        "entered",
        "released",
        "revoked",
    }
)
NAMED: Final = 5  # students in a finding's text; all are in `students`
_GONE: Final = ("released", "revoked")


@dataclass(frozen=True, slots=True)
class Told:
    """What one student was told of one drop. `outcome` None: no answer. `has_left`: went away of
    their own accord, and need not have been told. `coupons`: every id this student was ever given."""

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
class Listed:
    """An entry of the drop's claims list."""

    student: str
    state: str


@dataclass(frozen=True, slots=True)
class Books:
    """The server's side: the drop's report and its whole claims list, read when all was quiet."""

    quantity: int
    remaining: int
    claimed: int
    confirmed: int
    returned: int
    difference: int
    claims: Sequence[Listed]

    @property
    def live(self) -> list[Listed]:
        return [claim for claim in self.claims if claim.state not in _GONE]


@dataclass(frozen=True, slots=True)
class History:
    """One drop. `is_private`: nobody but the tellers can have been in the room."""

    drop_id: str
    stock: int
    told: Sequence[Told]
    is_private: bool = True


class Rule(StrEnum):
    OVERSOLD = "oversold"
    DOUBLED = "doubled"
    LOST = "lost"
    UNTOLD = "won_but_not_told"
    UNCONFIRMED = "won_but_not_confirmed"
    REVOKED = "taken_back"
    UNANSWERED = "unanswered"
    UNREACHED = "not_reached"
    LEFT_OVER = "sold_out_with_stock_left"
    BOOKS = "books_differ"
    STRANGERS = "strangers"


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


def judge(history: History, books: Books) -> list[Finding]:
    """Everything that is not as promised."""
    case = _Case(history, books)
    return [finding for rule in _RULES for finding in rule(case)]


class _Case:
    """What several rules ask for, looked up once."""

    def __init__(self, history: History, books: Books) -> None:
        self.history = history
        self.books = books
        self.told = history.told
        self.winners = {one.student for one in self.told if one.has_won}
        self.listed = Counter(claim.student for claim in books.live)
        self.ever_listed = {claim.student for claim in books.claims}
        self.confirmed = {claim.student for claim in books.claims if claim.state == "confirmed"}
        self.confirmed |= {claim.student for claim in books.claims if claim.state == "redeemed"}

    def found(self, rule: Rule, text: str, students: Collection[str] = ()) -> Finding:
        return Finding(rule, self.history.drop_id, text, tuple(sorted(students)))


def _oversold(case: _Case) -> Iterator[Finding]:
    stock = case.history.stock
    counts = {
        "told that they won": len(case.winners),
        "in the claims list": case.listed.total(),
        "claimed by the drop's report": case.books.claimed,
    }
    for where, count in counts.items():
        if count > stock:
            yield case.found(Rule.OVERSOLD, f"{count} {where}, stock {stock}")


def _doubled(case: _Case) -> Iterator[Finding]:
    twice = {student for student, count in case.listed.items() if count > 1}
    if twice:
        yield case.found(Rule.DOUBLED, "more than one claim in the list", twice)
    given = {one.student for one in case.told if len(one.coupons) > 1}
    if given:
        yield case.found(Rule.DOUBLED, "given more than one coupon", given)


def _lost(case: _Case) -> Iterator[Finding]:
    lost = case.winners - case.ever_listed
    if lost:
        yield case.found(Rule.LOST, "told that they won, not in the claims list", lost)


def _untold(case: _Case) -> Iterator[Finding]:
    """Who was told no, or nothing, and yet holds a unit: it is taken from somebody."""
    untold = {
        one.student
        for one in case.told
        if not one.has_left and not one.has_won and one.student in case.listed
    }
    if untold:
        yield case.found(Rule.UNTOLD, "in the claims list, never told that they won", untold)


def _unconfirmed(case: _Case) -> Iterator[Finding]:
    in_books = case.winners & case.ever_listed - case.confirmed
    in_books -= {claim.student for claim in case.books.claims if claim.state in _GONE}
    if in_books:
        yield case.found(Rule.UNCONFIRMED, "won, not confirmed in the claims list", in_books)
    untold = {
        one.student
        for one in case.told
        if one.has_won and not (one.has_left or one.is_confirmed or one.is_revoked)
    }
    if untold:
        yield case.found(Rule.UNCONFIRMED, "won, never told that it is confirmed", untold)


def _revoked(case: _Case) -> Iterator[Finding]:
    revoked = {one.student for one in case.told if one.is_revoked}
    revoked |= {claim.student for claim in case.books.claims if claim.state == "revoked"}
    if revoked:
        yield case.found(Rule.REVOKED, "won, and lost it again", revoked)


def _unanswered(case: _Case) -> Iterator[Finding]:
    waiting = {
        one.student
        for one in case.told
        if one.has_tapped and one.outcome is None and not one.has_left
    }
    if waiting:
        holding = len(waiting & case.ever_listed)
        text = f"tapped, never answered ({holding} of them hold a claim)"
        yield case.found(Rule.UNANSWERED, text, waiting)
    errors: dict[str, set[str]] = {}
    for one in case.told:
        if one.outcome is not None and not one.has_won and one.outcome not in _NO:
            errors.setdefault(one.outcome, set()).add(one.student)
    for outcome, students in errors.items():
        yield case.found(Rule.UNANSWERED, f"tapped, and was told {outcome}", students)


def _unreached(case: _Case) -> Iterator[Finding]:
    unreached = {one.student for one in case.told if not one.has_left and not one.was_reached}
    if unreached:
        yield case.found(Rule.UNREACHED, "in the room, never saw the drop", unreached)


def _left_over(case: _Case) -> Iterator[Finding]:
    """Units that came back may be left over; others may not while students hear `sold_out`."""
    refused = sum(one.outcome == "sold_out" for one in case.told)
    left = case.history.stock - case.listed.total() - case.books.returned
    if refused and left > 0 and len(case.books.claims) == case.listed.total():
        yield case.found(Rule.LEFT_OVER, f"{left} units left, {refused} students told sold_out")


def _books(case: _Case) -> Iterator[Finding]:
    books, listed = case.books, case.listed.total()
    if not books.claimed == books.confirmed == listed:
        counts = f"claimed {books.claimed}, confirmed {books.confirmed}, listed {listed}"
        yield case.found(Rule.BOOKS, f"desk and ledger differ: {counts}")
    if books.difference:
        yield case.found(Rule.BOOKS, f"the server's own difference is {books.difference}")
    if books.quantity != books.remaining + books.claimed + books.returned:
        sides = f"{books.remaining} + {books.claimed} + {books.returned}"
        yield case.found(Rule.BOOKS, f"quantity {books.quantity} is not {sides}")


def _strangers(case: _Case) -> Iterator[Finding]:
    if case.history.is_private:
        strangers = case.listed.keys() - {one.student for one in case.told}
        if strangers:
            yield case.found(Rule.STRANGERS, "hold claims, were not in the room", strangers)


_RULES: Final[Sequence[Callable[[_Case], Iterator[Finding]]]] = (
    _oversold,
    _doubled,
    _lost,
    _untold,
    _unconfirmed,
    _revoked,
    _unanswered,
    _unreached,
    _left_over,
    _books,
    _strangers,
)
