"""A token bucket whose clock is an argument."""

from hypothesis import given
from hypothesis import strategies as st

from server.core.rates import Bucket, Rate

RATE = Rate(burst=3, interval_ms=100)
NOW = 1_800_000_000_000


def test_what_is_given_back_may_be_taken_again() -> None:
    bucket, rate = Bucket(), Rate(burst=1, interval_ms=1_000)
    assert bucket.take(rate, 10_000) == 0
    assert bucket.take(rate, 10_000) == 1_000
    bucket.give_back(rate)
    assert bucket.take(rate, 10_000) == 0


def test_giving_back_gives_back_one_and_no_more() -> None:
    bucket = Bucket()
    for _ in range(3):
        bucket.take(RATE, NOW)
    bucket.give_back(RATE)

    assert [bucket.take(RATE, NOW) for _ in range(2)] == [0, 100]


def test_a_full_bucket_gives_its_burst_and_then_says_how_long_to_wait() -> None:
    bucket = Bucket()
    assert [bucket.take(RATE, NOW) for _ in range(4)] == [0, 0, 0, 100]


def test_what_was_refused_took_nothing() -> None:
    bucket = Bucket()
    for _ in range(10):
        bucket.take(RATE, NOW)
    assert bucket.take(RATE, NOW + 100) == 0


def test_a_rested_bucket_is_full_and_holds_no_more_than_its_burst() -> None:
    bucket = Bucket()
    bucket.take(RATE, NOW)
    later = NOW + 1_000_000
    assert bucket.is_full(RATE, later)
    assert [bucket.take(RATE, later) for _ in range(4)] == [0, 0, 0, 100]


@given(st.lists(st.integers(0, 400), max_size=60))
def test_never_more_than_the_burst_and_one_each_interval(pauses: list[int]) -> None:
    bucket, now, granted = Bucket(), NOW, 0
    for pause in pauses:
        now += pause
        granted += bucket.take(RATE, now) == 0
    assert granted <= RATE.burst + (now - NOW) // RATE.interval_ms


def test_a_clock_that_is_set_back_grants_one_each_interval() -> None:
    """It grants some, although the clock has not yet reached its old time."""
    bucket = Bucket()
    while bucket.take(RATE, NOW) == 0:
        pass
    back = NOW - 3_600_000

    assert bucket.take(RATE, back) == RATE.interval_ms
    assert bucket.take(RATE, back + RATE.interval_ms) == 0
    assert bucket.take(RATE, back + RATE.interval_ms + 1) > 0


def test_a_bucket_is_full_again_when_the_last_one_taken_has_come_back() -> None:
    """It must not be dropped before: a new one would grant one more."""
    bucket = Bucket()
    bucket.take(RATE, NOW)
    assert not bucket.is_full(RATE, NOW + RATE.interval_ms - 1)
    assert bucket.is_full(RATE, NOW + RATE.interval_ms)
