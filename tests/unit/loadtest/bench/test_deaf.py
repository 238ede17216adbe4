"""The scenario of students who do not read counts the evictions of its own round."""

import pytest

from loadtest.bench.scenarios.deaf import count_evictions

pytestmark = pytest.mark.asyncio


async def test_round_counts_only_its_own_evictions() -> None:
    """Quick rounds share one server, whose total of the first round is 5 before the second begins."""
    totals = iter([5.0, 8.0, 10.0])

    async def read_total() -> float:
        return next(totals)

    async def pause() -> None: ...

    assert await count_evictions(read_total, before=5.0, expected=5, pause=pause) == 5
    assert next(totals, None) is None
