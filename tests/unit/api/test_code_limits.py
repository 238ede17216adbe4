import pytest

from server.api.http.limits.code_limits import ADDRESS_RATE, STUDENT_RATE, GuessLimiter

NOW = 1_760_000_000_000
CAMPUS = "192.0.2.7"


def guess(limiter: GuessLimiter, student: str, times: int = 1, now: int = NOW) -> list[int]:
    return [limiter.admit(student, CAMPUS, now) for _ in range(times)]


def exhausted() -> GuessLimiter:
    """An address whose students have typed nothing but wrong codes."""
    limiter = GuessLimiter()
    for number in range(ADDRESS_RATE.burst // STUDENT_RATE.burst):
        assert set(guess(limiter, f"bad-{number}", STUDENT_RATE.burst)) == {0}
    return limiter


def test_a_student_has_a_few_tries_and_then_one_a_minute() -> None:
    limiter = GuessLimiter()
    assert guess(limiter, "ann", STUDENT_RATE.burst + 1) == [0] * STUDENT_RATE.burst + [60_000]
    assert guess(limiter, "ann", 2, NOW + 60_000) == [0, 60_000]


def test_one_students_guesses_are_not_anothers() -> None:
    limiter = GuessLimiter()
    guess(limiter, "ann", 50)
    assert guess(limiter, "bob") == [0]


def test_right_codes_cost_nothing() -> None:
    limiter = GuessLimiter()
    for _ in range(5 * ADDRESS_RATE.burst):
        assert guess(limiter, "ann") == [0]
        limiter.code_was_valid("ann", CAMPUS)


def test_students_who_guess_from_one_address_share_its_tries() -> None:
    limiter = exhausted()
    guess(limiter, "new")  # their first is free, and spoils the second
    assert guess(limiter, "new")[0] > 0


def test_whoever_typed_nothing_wrong_is_not_turned_away_for_a_neighbour() -> None:
    limiter = exhausted()
    for number in range(1_000):
        assert guess(limiter, f"good-{number}") == [0]


def test_a_try_that_the_address_refuses_is_not_the_students() -> None:
    limiter = exhausted()
    guess(limiter, "new")
    assert max(guess(limiter, "new", 50)) <= ADDRESS_RATE.interval_ms


@pytest.mark.parametrize("most", [1, 3])
def test_it_remembers_a_bounded_number(most: int) -> None:
    limiter = GuessLimiter(most)
    guess(limiter, "ann", STUDENT_RATE.burst)
    for number in range(most):
        guess(limiter, f"s{number}")
    assert guess(limiter, "ann") == [0]
