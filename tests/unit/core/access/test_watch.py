"""Points and levels: each count is explained, and a room that is quick as a whole accuses nobody."""

import pytest

from server.core.access.watch import (
    LEVELS,
    STEPS,
    Level,
    Sighting,
    Signal,
    Watched,
    assess,
    points_of,
)


def seen(signal: Signal, count: int, value: str = "ann") -> Sighting:
    return Sighting(Watched.STUDENT, value, signal, count)


def quick(count: int, of: int, others: tuple[int, int] | None = (1, 100)) -> Sighting:
    return Sighting(Watched.STUDENT, "ann", Signal.QUICK_WINS, count, of, others)


@pytest.mark.parametrize(
    ("count", "points"), [(19, 0), (20, 20), (59, 20), (60, 50), (199, 50), (200, 80)]
)
def test_points_go_by_steps(count: int, points: int) -> None:
    assert points_of(seen(Signal.COUPONS_PER_HOUR, count)) == points


@pytest.mark.parametrize(
    ("sighting", "points"),
    [
        (quick(3, 3), 30),
        (quick(2, 2), 0),  # luck
        (quick(4, 5), 30),
        (quick(3, 4), 0),  # less than 80 % of their wins
        (quick(6, 6), 50),
        (quick(10, 10), 80),
        (quick(10, 10, (11, 100)), 0),  # the room is quick: a countdown ended
        (quick(10, 10, (10, 100)), 80),
        (quick(10, 10, (0, 9)), 0),  # hardly anybody to compare with
        (quick(10, 10, None), 0),
    ],
)
def test_quick_wins_are_compared_with_the_rooms_own(sighting: Sighting, points: int) -> None:
    assert points_of(sighting) == points


def test_reasons_add_up_to_points_and_a_level() -> None:
    (found,) = assess(
        [seen(Signal.UNPAID_LOCKS, 3), quick(3, 3, (5, 100)), seen(Signal.WRONG_CODES, 9)]
    )

    assert (found.kind, found.value, found.points, found.level) == (
        Watched.STUDENT,
        "ann",
        50,
        Level.SLOW,
    )
    told = [(one.signal, one.count, one.of, one.usual_percent, one.points) for one in found.reasons]
    assert told == [
        (Signal.QUICK_WINS, 3, 3, 5, 30),
        (Signal.UNPAID_LOCKS, 3, None, None, 20),
    ]


def test_each_subject_is_assessed_by_itself() -> None:
    found = assess(
        [seen(Signal.WRONG_CODES, 10, "ann"), seen(Signal.WRONG_CODES, 100, "bob"), quick(0, 0)]
    )

    assert [(one.value, one.level) for one in found] == [
        ("ann", Level.WATCH),
        ("bob", Level.BLOCK),
    ]


def test_the_smallest_signal_reaches_the_lowest_level() -> None:
    assert min(steps[-1][1] for steps in STEPS.values()) >= LEVELS[-1][0]


def test_nothing_usual_is_known_of_a_drop_without_others() -> None:
    assert quick(3, 3, (0, 0)).usual_percent is None
