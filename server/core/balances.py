"""What a student has on account from rebates: when it is credited, what a refund takes back, what an order
may take of it.

Asked by flows/balances.py, with the clock and the rows as arguments. A balance is the sum of its entries.
It is below zero where a rebate was spent and its order refunded afterwards: later rebates fill it up first,
and it buys nothing until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.core.money import half_up

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
    shares: Mapping[str, int]
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


def spendable(balance: int, asked: int, payable: int) -> int:
    """What an order takes of a balance: what was asked for, as far as it and the order go."""
    return max(0, min(balance, asked, payable))


def part_of(share: int, refunded: int, paid: int) -> int:
    """How much of a line's share goes the way of its refunds: of 300 for a line of 1000 of which 500 were
    refunded, 150. Refunds one after the other add up to the share, whatever their sizes. `paid` 0: all of it.
    """
    return half_up(share * refunded, paid) if paid else share


def undone(shares: Mapping[str, int], refunded: Mapping[str, int], paid: Mapping[str, int]) -> int:
    """`part_of` over the lines that refunds have touched; all by line id, `refunded` in all so far."""
    return sum(
        part_of(share, refunded[line], paid[line])
        for line, share in shares.items()
        if line in refunded
    )
