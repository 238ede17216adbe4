"""The stock of a drop: where its units are (promise I6). Always quantity = free + held + redeemed +
returned.

Used by the flow that shows a drop, by the one that compares desk and ledger, and by doctor. Each part is
counted where it is kept, so that their sum is a check.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stock:
    """Units by where they are. `held`: with a student who has not used the coupon; `returned`: back in the
    batch."""

    quantity: int = 0
    free: int = 0
    held: int = 0
    redeemed: int = 0
    returned: int = 0

    @property
    def difference(self) -> int:
        """Units that are nowhere; negative: units that are in two places."""
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
