"""What the desk answers about a drop: its window, its counts, its end.

Made by drop_desk.py, read by flows, gateway and api.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.core.drops.drops import DropState, Window, state_at

ExtendOutcome = Literal["extended", "stale", "closed"]


@dataclass(frozen=True, slots=True)
class Extended:
    """`closes_at` is where the end is now, whatever the outcome (0 for a drop not known here).
    `epoch`: which load of the desk says so."""

    outcome: ExtendOutcome
    closes_at: int
    epoch: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Closing:
    """`taken`: units with a live claim when it closed, final but for units that come back. `won_total`:
    wins of its whole life, final. `epoch`: which load of the desk says so."""

    closed_at: int
    taken: int
    won_total: int
    epoch: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Stamped(Window):
    """A window, and which load of the desk has it."""

    epoch: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """One look at a drop. `claimed` can fall (units that come back), `claimed_total` cannot."""

    now: int
    window: Window | None
    closed_at: int | None
    quantity: int
    claimed: int
    claimed_total: int
    confirmed: int

    @property
    def remaining(self) -> int:
        return self.quantity - self.claimed

    @property
    def state(self) -> DropState:
        if self.closed_at is not None:
            return DropState.CLOSED
        if self.window is None:
            return DropState.OPENING
        return state_at(self.now, self.window.opens_at, self.window.closes_at, self.remaining)


COUNT_FIELDS = (
    "opens_at",
    "closes_at",
    "closed_at",
    "quantity",
    "live",
    "won_total",
    "confirmed",
)


def counts_of(now: int, row: Sequence[bytes | None]) -> DeskCounts | None:
    opens_at, closes_at, closed_at, quantity, live, won_total, confirmed = (
        int(value) if value is not None else None for value in row
    )
    if opens_at is None and closed_at is None:
        return None
    window = Window(opens_at, closes_at or 0) if opens_at is not None else None
    return DeskCounts(
        now, window, closed_at, quantity or 0, live or 0, won_total or 0, confirmed or 0
    )
