"""A work budget counts what a long computation does, so that it can be done in slices.

Used by quotes and best_choice, whose generators yield when a slice is full; the flow that drives them then
lets others have the event loop. The unit is one line of an order that a coupon looks at, about 0.2 µs. Work
is counted and not timed, because with a clock the result would depend on the machine.
"""

from collections.abc import Generator
from typing import Final, TypeVar

T = TypeVar("T")

SLICE: Final = 1_500  # line visits: some 0.3 ms of a core
READING: Final = 5  # reading a template for an order, for each of its lines
APPLYING: Final = 5  # applying a coupon, for each line


class WorkBudget:
    """`total` is all work that was charged so far."""

    def __init__(self, slice_size: int = SLICE) -> None:
        self._slice = slice_size
        self._begun = 0
        self.total = 0

    def charge(self, lines: int) -> None:
        """Count work, in line visits."""
        self.total += lines

    def yield_if_full(self) -> Generator[None, None, None]:
        """Yield if the slice is full, and begin the next one. Call it between two steps."""
        if self.total - self._begun >= self._slice:
            yield
            self._begun = self.total


def run_to_completion(steps: Generator[None, None, T]) -> T:
    """Return the value of a sliced computation, without pauses."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            answer: T = done.value
            return answer
