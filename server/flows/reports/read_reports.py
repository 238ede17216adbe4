"""Read reports: the rows of one division of some days, their totals, and average values compared.

Called by the API. Reads sums alone, so a report costs the same however many coupons there were. What is
happening now is in it about a second later; the drops that are running have a report of their own
(flows/reports/read_live.py).
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from server.core.reports.figures import (
    MEASURES,
    Comparison,
    ReportKind,
    Stratum,
    Value,
    compared,
    figures_of,
)
from server.core.reports.measures import By
from server.core.reports.spans import Grain, span_of_day
from server.ledger.engine import Ledger
from server.ledger.reports import sums
from server.ledger.reports.sums import Asked, Place, Summed

_TOTAL: Final = "total"
_AT_ONCE: Final = 500  # rows of a piece of a file
_SLICE: Final = 100  # rows that are computed before the event loop has its turn: 3 ms


class Question(NamedTuple):
    """A question: a report divided by `by`, of the days from `first` to `last`, both included. `rooms`: what
    an instructor may see; an order of several of these rooms counts in each of them. None: all, and each
    order counts once in the totals."""

    kind: ReportKind
    by: By
    first: str
    last: str
    rooms: Collection[str] | None

    @property
    def asked(self) -> Asked:
        return Asked(self.by, self.first, self.last, self.rooms, MEASURES[self.kind])


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A row: `key` is the day, the hour, the id or the name. `course` is set in a report of courses."""

    key: str
    course: str | None
    currency: str
    figures: dict[str, Value]

    @property
    def place(self) -> Place:
        return Place(self.key, self.course or "", self.currency)


@dataclass(frozen=True, slots=True)
class Report:
    """A page of rows, the newest or greatest key first, and a total for each currency (and course).
    `comparison`: by currency, in a report of orders for the whole school."""

    rows: list[ReportRow]
    totals: list[ReportRow]
    comparison: dict[str, Comparison]


async def read(ledger: Ledger, question: Question, after: Place | None, limit: int) -> Report:
    """Return up to `limit` rows behind `after`, and the totals of all rows."""
    asked, strata = question.asked, list[Summed]()
    async with ledger.read() as conn:
        found = await sums.page(conn, asked, after, limit)
        whole = await sums.totals(conn, asked)
        if question.kind is ReportKind.ORDERS and question.rooms is None:
            strata = await sums.strata(conn, question.first, question.last)
    rows: list[ReportRow] = []
    for start in range(0, len(found), _SLICE):
        rows += [_row(question.kind, one) for one in found[start : start + _SLICE]]
        await asyncio.sleep(0)
    return Report(rows, _totals(question.kind, whole), _comparison(strata))


async def all_rows(ledger: Ledger, question: Question) -> AsyncIterator[list[ReportRow]]:
    """Yield all rows in pieces, then the totals. Each piece is a read transaction of its own, so that a slow
    reader keeps none open."""
    after = None
    while True:
        async with ledger.read() as conn:
            found = await sums.page(conn, question.asked, after, _AT_ONCE)
        if found:
            yield [_row(question.kind, one) for one in found]
            after = found[-1].place
        if len(found) < _AT_ONCE:
            break
    async with ledger.read() as conn:
        yield _totals(question.kind, await sums.totals(conn, question.asked))


def _totals(kind: ReportKind, found: Sequence[Summed]) -> list[ReportRow]:
    return [replace(_row(kind, one), key=_TOTAL) for one in found]


def _row(kind: ReportKind, found: Summed) -> ReportRow:
    key, course, currency = found.place
    return ReportRow(key, course or None, currency, figures_of(kind, found.sums))


def _comparison(found: Sequence[Summed]) -> dict[str, Comparison]:
    strata: defaultdict[str, dict[tuple[str, str], Stratum]] = defaultdict(dict)
    for (span, course, currency), amounts in found:
        week = span if "W" in span else span_of_day(span, Grain.WEEK)
        named = {name.removeprefix("stratum_"): amount for name, amount in amounts.items()}
        before = strata[currency].get((week, course), Stratum())
        added = {name: getattr(before, name) + amount for name, amount in named.items()}
        strata[currency][week, course] = replace(before, **added)
    return {currency: compared(of) for currency, of in sorted(strata.items())}
