"""Read statements: a page of lines, all lines of a range for a file, the sealed days, and how a payment
provider's list matches.

Called by the API. Each page is a read transaction of its own, so that a slow reader keeps none open.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from server.core.refusals import Refused, invalid_field
from server.core.statements.days import days_between
from server.core.statements.lines import StatementLine
from server.ledger.engine import Ledger
from server.ledger.statements import days, lines
from server.ledger.statements.days import SealedDay
from server.ledger.statements.lines import LinePosition, OrderSums, PlacedLine

MAX_DAYS: Final = 400
AT_ONCE: Final = 1_000  # lines of a piece of a file: about 20 ms of the event loop
SHOWN: Final = 1_000  # orders of each list of a match
_ORDERS_AT_ONCE: Final = 5_000


class Span(NamedTuple):
    """Days from `first` to `last`, both included."""

    first: str
    last: str


def span_of(first: str, last: str) -> Span | Refused:
    """Return the span; invalid_field where it is empty or longer than MAX_DAYS."""
    count = len(days_between(first, last))
    if not count:
        return invalid_field("to", "too_small", "before `from`")
    return Span(first, last) if count <= MAX_DAYS else invalid_field("to", "too_large", "400 days")


async def page_of_lines(
    ledger: Ledger, span: Span, after: LinePosition | None, limit: int
) -> list[PlacedLine]:
    """Return up to `limit` lines behind `after`, oldest first."""
    async with ledger.read() as conn:
        return await lines.page(conn, *span, after, limit)


async def all_lines(ledger: Ledger, span: Span) -> AsyncIterator[list[StatementLine]]:
    """Yield the lines of these days in pages, oldest first."""
    after = None
    while True:
        async with ledger.read() as conn:
            page = await lines.page(conn, *span, after, AT_ONCE)
        if page:
            yield [placed.line for placed in page]
            after = page[-1].position
        if len(page) < AT_ONCE:
            return


async def sealed_days(ledger: Ledger, span: Span) -> list[SealedDay]:
    """Return the days that take no more lines, oldest first."""
    async with ledger.read() as conn:
        return await days.between(conn, *span)


class Amounts(NamedTuple):
    """The sums of an order that was paid, and paid back; minor units."""

    paid: int
    refunded: int


@dataclass(slots=True)
class Match:
    """The comparison of a provider's orders with ours. The lists hold the first SHOWN orders, by their id;
    the counts are of all."""

    equal: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: {"different": 0, "only_here": 0, "only_there": 0}
    )
    different: list[tuple[str, Amounts, Amounts]] = field(default_factory=list)
    only_here: list[tuple[str, Amounts]] = field(default_factory=list)
    only_there: list[tuple[str, Amounts]] = field(default_factory=list)

    def differs(self, order: str, ours: Amounts, theirs: Amounts) -> None:
        self.counts["different"] += 1
        if len(self.different) < SHOWN:
            self.different.append((order, ours, theirs))

    def is_only(self, where: str, order: str, amounts: Amounts) -> None:
        self.counts[where] += 1
        listed = self.only_here if where == "only_here" else self.only_there
        if len(listed) < SHOWN:
            listed.append((order, amounts))


async def match(ledger: Ledger, span: Span, theirs: Mapping[str, Amounts]) -> Match:
    """Compare the provider's amounts by order with the sums of our lines in these days."""
    found, left = Match(), dict(theirs)
    async for page in _orders(ledger, span):
        for order, sums in page.items():
            ours, other = Amounts(sums.paid, sums.refunded), left.pop(order, None)
            if other is None:
                found.is_only("only_here", order, ours)
            elif ours == other:
                found.equal += 1
            else:
                found.differs(order, ours, other)
    for order in sorted(left):
        found.is_only("only_there", order, left[order])
    return found


async def _orders(ledger: Ledger, span: Span) -> AsyncIterator[dict[str, OrderSums]]:
    after = ""
    while True:
        async with ledger.read() as conn:
            page = await lines.sums_of(conn, *span, after, _ORDERS_AT_ONCE)
        yield page
        if len(page) < _ORDERS_AT_ONCE:
            return
        after = max(page)
