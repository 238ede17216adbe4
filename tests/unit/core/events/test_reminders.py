"""Students are reminded of coupons that end, each at another moment."""

from hypothesis import given
from hypothesis import strategies as st

from server.core.events.reminders import HOUR_MS, levels, reminds_at, spread


def test_a_batch_has_its_own_hours_or_the_usual_ones() -> None:
    assert reminds_at(None, (72, 24), 24)
    assert not reminds_at((48,), (72, 24), 24)
    assert reminds_at((48,), (72, 24), 48)
    assert not reminds_at((), (24,), 24)


def test_levels_are_all_hours_that_anybody_has() -> None:
    assert levels((24,), [(72, 24), (1,), ()]) == [72, 24, 1]
    assert levels((), []) == []


@given(st.text(min_size=1, max_size=20), st.integers(0, 10**6), st.integers(0, 100 * HOUR_MS))
def test_reminders_are_spread_over_an_hour_at_most_and_before_the_end(
    coupon_id: str, now: int, left: int
) -> None:
    at = spread(coupon_id, 24, now, now + left)

    assert now <= at <= now + min(HOUR_MS, left // 4)


def test_a_thousand_coupons_are_not_reminded_at_once() -> None:
    times = {spread(f"cpn_{number}", 24, 0, 24 * HOUR_MS) for number in range(1_000)}

    assert len(times) > 900
