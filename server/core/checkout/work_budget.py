"""Counts what a long computation does, so that it can be done in slices.

Used by quotes and best_choice, whose generators yield when a slice is full: whoever drives them lets others
have the event loop in between. The unit is a line of an order looked at by a coupon, a fifth of a
microsecond or so: counted, because a clock would make the answer depend on the machine.
"""

from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

SLICE: Final = 1_500
READING: Final = 5  # a template for an order, for each of its lines
APPLYING: Final = 5  # a coupon, for each line


class WorkBudget:
    """`total`: all that was done so far."""

    def __init__(self, slice_size: int = SLICE) -> None:
        self._slice = slice_size
        self._begun = 0
        self.total = 0

    def charge(self, lines: int) -> None:
        self.total += lines

    def yield_if_full(self) -> Generator[None, None, None]:
        """Between two steps: yields where the slice is full."""
        if self.total - self._begun >= self._slice:
            yield
            self._begun = self.total


def run_to_completion(steps: Generator[None, None, T]) -> T:
    """What a computation in slices answers, without any pause."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            answer: T = done.value
            return answer
