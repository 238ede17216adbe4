"""The balance of a student, which rebates fill and orders spend. Amounts are minor units."""

from typing import Literal, NotRequired, TypedDict


class Balance(TypedDict):
    """The balance in one currency."""

    currency: str
    amount: int


class BalanceEntry(TypedDict):
    """One change of a balance. `amount` is negative where it was spent or taken back."""

    id: str
    at: str
    currency: str
    amount: int
    kind: Literal["rebate", "spent", "given_back", "taken_back", "merged"]
    redemption_id: NotRequired[str]


class Account(TypedDict):
    """The student's balances, and a page of entries, newest first. `next` is null on the last page."""

    balances: list[Balance]
    entries: list[BalanceEntry]
    next: str | None
