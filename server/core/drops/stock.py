"""Where the units of a drop are (promise I6): quantity = free + held + redeemed + returned, always.

Asked by the flow that shows a drop, by the one that compares desk and ledger, and by doctor. Whoever
asks counts each part where it is kept; that they add up is then no tautology but a check.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stock:
    """`held`: with a student who has not used it; `returned`: back in the batch."""

    quantity: int = 0
    free: int = 0
    held: int = 0
    redeemed: int = 0
    returned: int = 0

    @property
    def difference(self) -> int:
        """Units that are nowhere; less than 0: units that are in two places."""
        return self.quantity - self.free - self.held - self.redeemed - self.returned


def total(stocks: Iterable[Stock]) -> Stock:
    summed = Stock()
    for one in stocks:
        summed = Stock(
            summed.quantity + one.quantity,
            summed.free + one.free,
            summed.held + one.held,
            summed.redeemed + one.redeemed,
            summed.returned + one.returned,
        )
    return summed
