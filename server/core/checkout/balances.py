"""Balances: what students have on account from rebates. When a rebate is credited, what a refund takes
back, and how much of a balance an order may take.

Called by flows/checkout/balances.py, with the clock and the rows as arguments. A balance is the sum of its
entries. It is negative if a rebate was spent and its order was refunded afterwards: later rebates fill it
up first, and it buys nothing until then.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from server.core.checkout.apportionment import line_shares
from server.core.checkout.paid_orders import PaidLine, undone
from server.core.checkout.quoting.quotes import Quote
from server.core.checkout.refunds import Refund

DAY_MS: Final = 24 * 3600 * 1000


class RebateState(StrEnum):
    PENDING = "pending"  # until the goods can no longer be sent back
    CREDITED = "credited"


class EntryKind(StrEnum):
    REBATE = "rebate"
    SPENT = "spent"
    GIVEN_BACK = "given_back"  # the order it was spent on came to nothing, or was refunded
    TAKEN_BACK = "taken_back"  # the order that earned it was refunded
    MERGED = "merged"  # from one account of a person to another


@dataclass(frozen=True, slots=True)
class DueRebate:
    """A rebate that an order has earned: frozen with the lock, written at the payment. `line_shares` by
    line id add up to `amount`. `taken_back` is what refunds have taken back so far."""

    id: str
    redemption_id: str
    coupon_id: str
    student: str
    currency: str
    amount: int
    line_shares: Mapping[str, int]
    state: RebateState
    due_at: int
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class BalanceEntry:
    """One change of a balance. `amount` is signed; ids increase with time."""

    id: str
    at: int
    currency: str
    amount: int
    kind: EntryKind
    redemption_id: str | None


def due_at(paid_at: int, return_window_days: int | None) -> int:
    """Return when a rebate is credited, in ms UTC: at the payment if it has no return window."""
    return paid_at + (return_window_days or 0) * DAY_MS


@dataclass(frozen=True, slots=True)
class Spent:
    """The part of a balance that an order takes: `used` of the `available`. `line_shares`, in the order
    of the lines, add up to `used`."""

    available: int
    used: int
    line_shares: tuple[int, ...]


def spend_on(quote: Quote, available: int, requested: int) -> tuple[Quote, Spent]:
    """Take up to `requested` of the balance off a quote, and return the new quote with what was used.

    The balance comes off after all coupons, off every line, in proportion to what is left to pay of it.
    Rebates of the order are not reduced by it: the balance is the student's own money.
    """
    used = max(0, min(available, requested, quote.payable))  # a negative balance buys nothing
    parts = line_shares(used, [line.payable for line in quote.lines])
    lines = tuple(
        replace(line, discount=line.discount + part, payable=line.payable - part)
        for line, part in zip(quote.lines, parts, strict=True)
    )
    spent = replace(
        quote, discount=quote.discount + used, payable=quote.payable - used, lines=lines
    )
    return spent, Spent(available, used, tuple(parts))


def with_balance(
    refunds: Iterable[Refund], paid: Iterable[PaidLine], parts: Mapping[str, int]
) -> Iterator[Refund]:
    """Yield each refund of an order, oldest first, with the part of the balance that it gave back.

    `parts` is the balance that the order had taken, by line id; `paid` has the lines as they were before
    any refund.
    """
    lines, before = {line.id: line for line in paid}, 0
    for refund in refunds:
        for part in refund.lines:
            line = lines[part.id]
            refunded, returned = line.refunded + part.refunded, line.returned + part.quantity
            lines[part.id] = replace(line, refunded=refunded, returned=returned)
        after = undone(parts, lines.values())
        yield replace(refund, balance=after - before)
        before = after
