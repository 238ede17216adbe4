"""The limit of joins in one second, and the waits of the others."""

import random

import pytest

from server.gateway.rooms.joins.join_limit import JoinLimit

NOON = 1_764_072_000_000


def test_up_to_the_limit_everybody_comes_in() -> None:
    limit = JoinLimit(3)

    assert [limit.admit(NOON + ms) for ms in (0, 10, 999)] == [0, 0, 0]


def test_beyond_it_each_is_told_a_time_and_the_next_second_lets_in_again() -> None:
    limit = JoinLimit(2)
    waits = [limit.admit(NOON) for _ in range(5)]

    assert waits[:2] == [0, 0]
    assert waits[2:] == [2_000, 3_000, 4_000]
    assert limit.admit(NOON + 1_000) == 0


def test_the_wait_grows_with_those_who_are_out_and_shrinks_again() -> None:
    limit = JoinLimit(2)
    for _ in range(10):
        limit.admit(NOON)

    assert [limit.admit(NOON + 60_000) for _ in range(3)] == [0, 0, 2_000]


def test_a_clock_that_was_set_back_lets_nobody_in_twice() -> None:
    limit = JoinLimit(2)
    for _ in range(4):
        limit.admit(NOON)

    assert [limit.admit(NOON - 5_000) for _ in range(3)][:2] == [0, 0]
    assert limit.peak == 2


def test_a_clock_that_was_set_back_makes_nobody_wait_longer() -> None:
    """Six are out when the clock goes back: two of them are expected in that second, as in any other."""
    limit = JoinLimit(2)
    for _ in range(8):
        limit.admit(NOON)

    assert [limit.admit(NOON - 5_000) for _ in range(3)] == [0, 0, 6_000]


@pytest.mark.parametrize("crowd", [1_000, 5_000, 20_000])
def test_a_crowd_that_comes_back_as_told_is_in_soon_and_never_above_the_limit(crowd: int) -> None:
    limit, chance = JoinLimit(1_000), random.Random(1)
    due = [NOON] * crowd
    attempts, last = 0, NOON
    while due:
        due.sort()
        waiting: list[int] = []
        for at in due:
            attempts += 1
            wait = limit.admit(at) if at >= last else limit.admit(last)
            last = max(last, at)
            if wait:
                waiting.append(last + int(chance.random() * wait))
        due = waiting

    assert limit.peak == 1_000
    assert (last - NOON) / 1_000 < 4 * crowd / 1_000 + 2
    assert attempts < 4 * crowd
