"""The state of a draw: it takes entries until its window ends or its seal is made."""

from dataclasses import replace

import pytest

from server.core.drops.draw_cards import DrawCard, DrawPhase
from server.core.drops.drops import DropState, drawing_at
from tests.unit.frames.test_wire import DROP, NINE

DRAW = replace(DROP, mode="draw", draw=DrawCard("ab"))


@pytest.mark.parametrize(
    ("after_ms", "phase", "state"),
    [
        (-1, DrawPhase.OPEN, DropState.SCHEDULED),
        (0, DrawPhase.OPEN, DropState.OPEN),
        (299_999, DrawPhase.OPEN, DropState.OPEN),
        (300_000, DrawPhase.OPEN, DropState.DRAWING),
        (0, DrawPhase.SEALED, DropState.DRAWING),
    ],
)
def test_a_draw_takes_entries_until_it_is_sealed_or_over(
    after_ms: int, phase: DrawPhase, state: DropState
) -> None:
    drop = replace(DRAW, draw=DrawCard("ab", phase))
    assert drawing_at(NINE + after_ms, drop) is state
