"""The rules on bothering students, and what becomes of a message."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.coupons.coupons import CouponState
from server.core.events.message_rules import (
    DAY_MS,
    SEND,
    Cap,
    Decision,
    MessageRules,
    QuietHours,
    Situation,
    cap_free_at,
    decide,
    retry_at,
)
from server.core.messages import Channel, Message, MessageKind, MessageState

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(21, 30), time(8, 30))
CAPS = (Cap(2, DAY_MS), Cap(4, 7 * DAY_MS))
RULES = MessageRules(CAPS, NIGHT, SHANGHAI)
NO_RULES = MessageRules((), None, SHANGHAI)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOON = ms("2026-12-02T12:00:00+08:00")
MIDNIGHT = ms("2026-12-02T00:00:00+08:00")


def message(
    channel: Channel = Channel.WEBHOOK,
    coupon_id: str | None = None,
    *,
    is_transactional: bool = False,
) -> Message:
    return Message(
        id="msg_1",
        cap_key="msg_0",
        student="ann",
        kind=MessageKind.NOTICE,
        channel=channel,
        state=MessageState.QUEUED,
        text="Hello",
        data={},
        created_at=0,
        not_before=0,
        expires_at=NOON + DAY_MS,
        coupon_id=coupon_id,
        is_transactional=is_transactional,
    )


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-12-02T21:29:59+08:00", None),
        ("2026-12-02T21:30:00+08:00", "2026-12-03T08:30:00+08:00"),
        ("2026-12-03T00:00:00+08:00", "2026-12-03T08:30:00+08:00"),
        ("2026-12-03T08:29:59+08:00", "2026-12-03T08:30:00+08:00"),
        ("2026-12-03T08:30:00+08:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(now: str, end: str | None) -> None:
    assert NIGHT.end_of(ms(now), SHANGHAI) == (ms(end) if end else None)


def test_quiet_hours_of_one_day_end_on_that_day() -> None:
    siesta = QuietHours(time(13), time(15))

    assert siesta.end_of(ms("2026-12-02T14:00:00+08:00"), SHANGHAI) == ms(
        "2026-12-02T15:00:00+08:00"
    )
    assert siesta.end_of(NOON, SHANGHAI) is None


def test_the_night_in_which_summer_time_begins_ends_at_the_same_time_of_day() -> None:
    end = NIGHT.end_of(ms("2026-03-28T22:00:00+01:00"), BERLIN)

    assert end == ms("2026-03-29T08:30:00+02:00")


def test_a_third_message_waits_until_the_first_is_a_day_old() -> None:
    sent = [NOON - 20 * 3_600_000, NOON - 3_600_000]

    assert cap_free_at(sent, CAPS, NOON) == sent[0] + DAY_MS


def test_a_message_just_a_window_old_does_not_count() -> None:
    assert cap_free_at([NOON - DAY_MS, NOON - 1], (Cap(2, DAY_MS),), NOON) is None


def test_two_before_and_two_after_midnight_are_within_one_day() -> None:
    evening = [MIDNIGHT - 2 * 3_600_000, MIDNIGHT - 3_600_000]

    assert cap_free_at(evening, CAPS, MIDNIGHT + 1) == evening[0] + DAY_MS


def test_the_cap_of_a_week_holds_where_that_of_a_day_allows() -> None:
    sent = [NOON - days * DAY_MS for days in (6, 5, 4, 3)]

    assert cap_free_at(sent, CAPS, NOON) == sent[0] + 7 * DAY_MS


def test_a_limit_of_none_allows_nothing() -> None:
    assert cap_free_at([], (Cap(0, DAY_MS),), NOON) == NOON + DAY_MS
    assert cap_free_at([NOON], (), NOON) is None


@given(
    st.lists(st.integers(0, 10 * DAY_MS), max_size=12),
    st.integers(1, 4),
    st.integers(1, 3 * DAY_MS),
)
def test_a_message_at_the_time_told_is_within_the_cap_and_none_is_before(
    sent: list[int], limit: int, window: int
) -> None:
    now, caps = 10 * DAY_MS, (Cap(limit, window),)
    free_at = cap_free_at(sent, caps, now)

    if free_at is None:
        assert sum(at > now - window for at in sent) < limit
    else:
        assert cap_free_at(sent, caps, free_at) is None
        assert cap_free_at(sent, caps, free_at - 1) == free_at


def test_a_due_message_is_sent_at_noon() -> None:
    assert decide(message(), RULES, Situation(NOON)) == SEND
    assert decide(message(), NO_RULES, Situation(MIDNIGHT)) == SEND


def test_at_night_it_waits_for_the_morning_unless_it_only_shows_in_the_app() -> None:
    held = Decision(MessageState.HELD, "quiet_hours", ms("2026-12-02T08:30:00+08:00"))

    assert decide(message(), RULES, Situation(MIDNIGHT)) == held
    assert decide(message(Channel.IN_APP), RULES, Situation(MIDNIGHT)) == SEND


def test_over_the_cap_it_is_held() -> None:
    known = Situation(NOON, counted=(NOON - 1, NOON - 2))

    assert decide(message(), RULES, known) == Decision(MessageState.HELD, "cap", NOON - 2 + DAY_MS)


def test_a_second_channel_of_one_message_does_not_count_again() -> None:
    known = Situation(NOON, counted=(NOON - 1, NOON - 2), is_counted_already=True)

    assert decide(message(), RULES, known) == SEND


def test_a_transactional_message_waits_for_nothing() -> None:
    known = Situation(MIDNIGHT, counted=(MIDNIGHT - 1, MIDNIGHT - 2))

    assert decide(message(is_transactional=True), RULES, known) == SEND


def test_a_message_is_not_sent_after_its_life() -> None:
    known = Situation(NOON + DAY_MS)

    assert decide(message(), RULES, known).state is MessageState.EXPIRED


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CouponState.LOCKED, "coupon_locked"),
        (CouponState.REDEEMED, "coupon_used"),
        (CouponState.EXPIRED, "coupon_gone"),
        (CouponState.REVOKED, "coupon_gone"),
        (None, "coupon_gone"),
    ],
)
def test_a_message_about_a_coupon_that_cannot_be_used_is_cancelled(
    state: CouponState | None, reason: str
) -> None:
    known = Situation(NOON, coupon=state)

    assert decide(message(coupon_id="cpn_1"), RULES, known) == Decision(
        MessageState.CANCELLED, reason
    )


def test_a_message_about_a_usable_coupon_is_sent() -> None:
    known = Situation(NOON, coupon=CouponState.USABLE)

    assert decide(message(coupon_id="cpn_1"), RULES, known) == SEND


def test_a_student_who_is_blocked_gets_none() -> None:
    known = Situation(NOON, is_blocked=True)

    assert decide(message(is_transactional=True), RULES, known).reason == "blocked"


def test_attempts_are_further_and_further_apart_and_end() -> None:
    waits = [retry_at(attempts, 0) for attempts in range(1, 6)]

    assert waits == [5_000, 60_000, 600_000, 3_600_000, None]


def test_the_longest_window_is_what_has_to_be_read() -> None:
    assert RULES.longest_window_ms == 7 * DAY_MS
    assert NO_RULES.longest_window_ms == 0
    assert datetime.fromtimestamp(NOON / 1000, UTC).hour == 4
