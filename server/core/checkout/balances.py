"""What a student has on account from rebates: when it is credited, what a refund takes back, what an order
may take of it.

Asked by flows/checkout/balances.py, with the clock and the rows as arguments. A balance is the sum of its
entries. It is below zero where a rebate was spent and its order refunded afterwards: later rebates fill it up
first, and it buys nothing until then.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from server.core.checkout.apportionment import line_shares
from server.core.checkout.paid_orders import PaidLine, undone
from server.core.checkout.quotes import Quote
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


@dataclass(frozen=True, slots=True)
class DueRebate:
    """A rebate that an order has earned: frozen with its lock, written down at its payment. `shares` by line
    id add up to `amount`; `taken_back` by refunds so far."""

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
    """`amount` is signed; `id` counts up."""

    id: str
    at: int
    currency: str
    amount: int
    kind: EntryKind
    redemption_id: str | None


def due_at(paid_at: int, return_window_days: int | None) -> int:
    """None: at the payment."""
    return paid_at + (return_window_days or 0) * DAY_MS


@dataclass(frozen=True, slots=True)
class Spent:
    """What an order takes of its student's balance: `used` of the `available`; `shares` by line, in its
    order, add up to it."""

    available: int
    used: int
    line_shares: tuple[int, ...]


def spend_on(quote: Quote, available: int, requested: int) -> tuple[Quote, Spent]:
    """The quote with as much off as was asked for, as far as the balance and the order go: after all
    coupons, of every line, by what is left to pay of it. What a rebate credits does not get less by it: the
    balance is the student's own money.
    """
    used = max(0, min(available, requested, quote.payable))
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
    """Each refund of an order, the oldest first, with what it gave back of the balance that the order had
    taken; `parts` of it by line, `paid`: the lines before anything came back."""
    lines, before = {line.id: line for line in paid}, 0
    for refund in refunds:
        for part in refund.lines:
            line = lines[part.id]
            refunded, returned = line.refunded + part.refunded, line.returned + part.quantity
            lines[part.id] = replace(line, refunded=refunded, returned=returned)
        after = undone(parts, lines.values())
        yield replace(refund, balance=after - before)
        before = after
