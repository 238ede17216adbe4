"""Outflow: a batch that goes out faster than its plan pauses itself.

Used by flows/access/pause_fast_batches.py. The plan is the batch's `max_per_minute`, over any 60 seconds;
what went out before an operator resumed the batch no longer counts.
"""

from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Outflow:
    """Coupons of a batch that went out within the window, and how many may by its plan."""

    batch_id: str
    went_out: int
    max_per_minute: int

    @property
    def is_too_fast(self) -> bool:
        return self.went_out > self.max_per_minute

    @property
    def reason(self) -> str:
        """The reason of the stop, for operators."""
        return f"went out faster than its plan: {self.went_out} in a minute, {self.max_per_minute} planned"
