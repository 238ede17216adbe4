from server.api.http.limits.claim_limits import StudentLimiter
from server.core.rates import Rate

RATE = Rate(burst=2, interval_ms=100)
NOW = 1_000_000


def test_a_burst_is_admitted_then_told_how_long_to_wait() -> None:
    limiter = StudentLimiter(RATE)
    assert [limiter.admit("ann", NOW) for _ in range(3)] == [None, None, 100]


def test_one_students_haste_costs_nobody_else() -> None:
    limiter = StudentLimiter(RATE)
    for _ in range(3):
        limiter.admit("ann", NOW)
    assert limiter.admit("bob", NOW) is None


def test_waiting_as_told_is_enough() -> None:
    limiter = StudentLimiter(RATE)
    wait = [limiter.admit("ann", NOW) for _ in range(3)][-1]
    assert wait is not None
    assert limiter.admit("ann", NOW + wait) is None


def test_who_has_not_asked_for_longest_is_forgotten_first() -> None:
    limiter = StudentLimiter(RATE, max_students=2)
    for student in ("ann", "ann", "bob", "bob", "ann", "cyd"):
        limiter.admit(student, NOW)
    assert limiter.admit("ann", NOW) is not None
    assert limiter.admit("bob", NOW) is None
