"""A quote's input: the order, the student's wallet, the selected coupons, and what else it depends on.

Made by the flows of quotes and redemptions; read by `quotes` and `eligibility`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.orders import Order
from server.core.checkout.quoting.best_choice import SEARCH_BUDGET
from server.core.coupons.coupons import Coupon


class BestSelection(StrEnum):
    """The word that a request may send instead of a list of codes: apply the coupons that save most."""

    BEST = "best"


@dataclass(frozen=True, slots=True)
class QuoteContext:
    """The facts that a quote depends on besides the order and the wallet.

    `uses`: how often the student has used each template so far, by its id. `stopped`: ids of batches whose
    coupons may not be used for now. `is_whole_wallet` False: some of the student's coupons were not read, so
    the best choice cannot be called exact. `with_suggestions` False leaves out the best choice, hints and
    usable coupons: the lock of an order has no use for them. `search_budget` bounds the search for the best
    choice, in units of `work_budget`.
    """

    uses: Mapping[str, int] = field(default_factory=dict)
    stopped: frozenset[str] = frozenset()
    is_whole_wallet: bool = True
    rules: MoneyRules = USUAL_RULES
    with_suggestions: bool = True
    search_budget: int = SEARCH_BUDGET


USUAL_CONTEXT: Final = QuoteContext()


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A request for a quote. `wallet` has the student's own coupons, the selected ones among them; `selected`
    has codes as they were typed. `now` is in ms UTC. The order must obey its rules (orders.violations).
    """

    order: Order
    wallet: Sequence[Coupon]
    selected: Sequence[str] | BestSelection
    now: int
    context: QuoteContext = USUAL_CONTEXT
