"""The desk's replies about a drop: its window, its counts, its end. Instants are ms UTC by Redis' clock.

Made by drop_desk.py, read by flows, gateway and api. `epoch` says which load of the desk replied: a result is
written to the ledger only while that desk still exists (ledger/desks.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.core.drops.drops import DropState, Window, state_at

ExtendOutcome = Literal["extended", "stale", "closed"]


@dataclass(frozen=True, slots=True)
class Extended:
    """The reply to an extension. `closes_at` is the end as it is now, whatever the outcome; 0 for a drop that
    the desk does not know.
    """

    outcome: ExtendOutcome
    closes_at: int
    epoch: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Closing:
    """The reply to a close. `taken` counts units with a live claim at that moment; later releases lower it.
    `won_total` counts all wins of the drop and is final.
    """

    closed_at: int
    taken: int
    won_total: int
    epoch: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Stamped(Window):
    """The window that the desk has stamped."""

    epoch: int = field(compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """A drop's counts at `now`. `claimed` falls when a unit is released, `claimed_total` never falls."""

    now: int
    window: Window | None
    closed_at: int | None
    quantity: int
    claimed: int
    claimed_total: int
    confirmed: int
    entered: int = 0  # in the draw

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
    "entered",
)


def counts_of(now: int, row: Sequence[bytes | None]) -> DeskCounts | None:
    """Parse COUNT_FIELDS of a drop's hash; None where the desk does not have the drop."""
    opens_at, closes_at, closed_at, quantity, live, won_total, confirmed, entered = (
        int(value) if value is not None else None for value in row
    )
    if opens_at is None and closed_at is None:
        return None
    window = Window(opens_at, closes_at or 0) if opens_at is not None else None
    taken = (live or 0, won_total or 0, confirmed or 0)
    return DeskCounts(now, window, closed_at, quantity or 0, *taken, entered or 0)
