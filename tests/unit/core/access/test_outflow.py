"""A batch is too fast beyond its plan, not at it, and says so in words."""

from server.core.access.outflow import Outflow


def test_a_batch_is_too_fast_beyond_its_plan() -> None:
    assert not Outflow("bat_1", 100, 100).is_too_fast
    assert Outflow("bat_1", 101, 100).is_too_fast
    assert Outflow("bat_1", 101, 100).reason == (
        "went out faster than its plan: 101 in a minute, 100 planned"
    )
