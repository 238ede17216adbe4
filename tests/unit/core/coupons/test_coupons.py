import pytest

from server.core import instants
from server.core.coupons.coupons import (
    ClaimCoupon,
    CouponState,
    UseWindow,
    hold_until,
    use_window,
)
from server.core.ids import ClaimId, DropId, StudentId
from server.core.promotions.templates import FixedValidity, RelativeValidity
from tests.support.builders.money import DAY_MS, NOW, a_coupon

WEEK_S = 7 * 24 * 3600


def test_a_fixed_window_does_not_depend_on_the_claim() -> None:
    assert use_window(FixedValidity(5, 9), claimed_at=NOW) == UseWindow(5, 9)


def test_a_relative_coupon_claimed_in_the_last_minute_lives_seven_whole_days() -> None:
    # Acceptance case 14: the batch ends at midnight in Shanghai.
    claimed_at = instants.from_text("2026-03-31T23:59:00+08:00")
    batch_until = instants.from_text("2026-04-01T00:00:00+08:00")
    window = use_window(RelativeValidity(WEEK_S), claimed_at, batch_until)
    assert window == UseWindow(claimed_at, claimed_at + 7 * DAY_MS)


def test_a_capped_coupon_ends_with_its_batch() -> None:
    claimed_at = instants.from_text("2026-03-31T23:59:00+08:00")
    batch_until = instants.from_text("2026-04-01T00:00:00+08:00")
    capped = RelativeValidity(WEEK_S, cap_at_batch_end=True)
    assert use_window(capped, claimed_at, batch_until).until_at == batch_until


def test_a_cap_without_an_end_caps_nothing() -> None:
    capped = RelativeValidity(10, cap_at_batch_end=True)
    assert use_window(capped, NOW, None).until_at == NOW + 10_000


def test_a_cap_beyond_the_window_adds_nothing() -> None:
    capped = RelativeValidity(10, cap_at_batch_end=True)
    assert use_window(capped, NOW, NOW + DAY_MS).until_at == NOW + 10_000


def test_a_claim_after_the_cap_still_has_a_window() -> None:
    window = use_window(RelativeValidity(10, cap_at_batch_end=True), NOW, NOW - 1)
    assert window == UseWindow(NOW, NOW + 1)


def test_a_coupon_that_waits_lives_its_whole_time_after_the_wait() -> None:
    window = use_window(RelativeValidity(10, wait_seconds=5), NOW)
    assert window == UseWindow(NOW + 5_000, NOW + 15_000)


def test_a_batch_without_a_hold_holds_for_ever() -> None:
    assert hold_until(NOW, None) is None


def test_a_hold_is_counted_from_the_confirmation() -> None:
    assert hold_until(NOW, 60) == NOW + 60_000


def test_the_date_a_student_sees_is_the_nearer_one() -> None:
    assert a_coupon(valid_until=NOW + 9, hold_until=NOW + 5).use_by == NOW + 5
    assert a_coupon(valid_until=NOW + 9, hold_until=NOW + 50).use_by == NOW + 9
    assert a_coupon(valid_until=NOW + 9).use_by == NOW + 9


def test_a_usable_coupon_is_expired_from_its_date_on() -> None:
    coupon = a_coupon(valid_until=NOW)
    assert coupon.seen_at(NOW - 1) is CouponState.USABLE
    assert coupon.seen_at(NOW) is CouponState.EXPIRED


def test_a_locked_coupon_does_not_expire_under_the_payer() -> None:
    assert a_coupon(state=CouponState.LOCKED, valid_until=NOW).seen_at(NOW) is CouponState.LOCKED


def test_students_are_told_that_a_voided_coupon_is_revoked() -> None:
    assert a_coupon(state=CouponState.VOIDED).seen_at(NOW) is CouponState.REVOKED


@pytest.mark.parametrize("hold_until_ms", [NOW + 5, NOW + 50, None])
def test_a_winner_is_told_the_same_date_as_the_wallet_shows(hold_until_ms: int | None) -> None:
    whole = a_coupon(valid_until=NOW + 9, hold_until=hold_until_ms)
    told = ClaimCoupon(
        ClaimId("clm_1"),
        DropId("drp_1"),
        StudentId("ada"),
        whole.id,
        whole.code,
        NOW,
        NOW + 9,
        hold_until_ms,
        whole.template,
    )
    assert told.use_by == whole.use_by
