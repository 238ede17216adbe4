"""The state of a drop by clock and stock: its window is [opens_at, closes_at)."""

import pytest

from server.core.drops.drops import DropState, state_at

OPENS, CLOSES = 1_000, 2_000


@pytest.mark.parametrize(
    ("now", "remaining", "state"),
    [
        (OPENS - 1, 3, DropState.SCHEDULED),
        (OPENS - 1, 0, DropState.SCHEDULED),
        (OPENS, 3, DropState.OPEN),
        (OPENS, 0, DropState.SOLD_OUT),
        (CLOSES - 1, 1, DropState.OPEN),
        (CLOSES - 1, 0, DropState.SOLD_OUT),
        (CLOSES - 1, -1, DropState.SOLD_OUT),
        (CLOSES, 3, DropState.CLOSED),
        (CLOSES, 0, DropState.CLOSED),
        (CLOSES + 1, 3, DropState.CLOSED),
    ],
)
def test_the_state_follows_clock_and_stock(now: int, remaining: int, state: DropState) -> None:
    assert state_at(now, OPENS, CLOSES, remaining) is state


def test_units_that_come_back_open_it_again() -> None:
    states = [state_at(OPENS, OPENS, CLOSES, remaining) for remaining in (1, 0, 1)]
    assert states == [DropState.OPEN, DropState.SOLD_OUT, DropState.OPEN]
