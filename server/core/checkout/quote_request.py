"""What is asked of a quote: the order, the student's wallet, what is ticked, and the circumstances.

Made by flows and by `quotes.quote`; read by `quotes` and `judging`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from server.core.checkout.best_choice import SEARCH_BUDGET
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.orders import Order
from server.core.coupons.coupons import Coupon


class Tick(StrEnum):
    """Said instead of a list of codes: whichever save most."""

    BEST = "best"


class Circumstances(TypedDict, total=False):
    """`uses`: how often the student has used each template so far, by its id; `stopped`: batches by id
    whose coupons may not be used for now. `whole_wallet` False: there are coupons that were not read.
    """

    uses: Mapping[str, int]
    stopped: frozenset[str]
    whole_wallet: bool


class Options(Circumstances, total=False):
    """`is_advised` False leaves out best, hints and what could be added: a lock has no use for them."""

    rules: MoneyRules
    is_advised: bool
    budget: int


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be quoted. `wallet` holds the student's own coupons, the ticked ones among them; `ticked`
    is read as it was typed. Needs an order that obeys its rules (orders.violations). Else see Options.
    """

    order: Order
    wallet: Sequence[Coupon]
    ticked: Sequence[str] | Tick
    now: int
    uses: Mapping[str, int] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()
    whole_wallet: bool = True
    rules: MoneyRules = USUAL_RULES
    is_advised: bool = True
    budget: int = SEARCH_BUDGET
