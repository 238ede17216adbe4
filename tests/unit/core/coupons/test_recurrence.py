"""Recurring sends: what a rule may say, and its times over a change of the clock."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from server.core.coupons.recurrence import next_time, rule_fault

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp() * 1000)


def times(rule: str, first: str, count: int) -> list[str]:
    first_at = at(first)
    found, after = [], first_at - 1
    for _ in range(count):
        following = next_time(rule, first_at, after, BERLIN)
        if following is None:
            break
        found.append(datetime.fromtimestamp(following / 1000, BERLIN).isoformat())
        after = following
    return found


def test_every_monday_and_thursday() -> None:
    assert times("FREQ=WEEKLY;BYDAY=MO,TH", "2026-06-01T09:00:00", 3) == [
        "2026-06-01T09:00:00+02:00",
        "2026-06-04T09:00:00+02:00",
        "2026-06-08T09:00:00+02:00",
    ]


def test_nine_o_clock_stays_nine_o_clock_when_summer_time_begins() -> None:
    assert times("FREQ=DAILY", "2026-03-28T09:00:00", 2) == [
        "2026-03-28T09:00:00+01:00",
        "2026-03-29T09:00:00+02:00",
    ]


def test_a_time_that_the_clock_skips_happens_once() -> None:
    assert times("FREQ=DAILY;COUNT=3", "2026-03-28T02:30:00", 5) == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_a_time_that_the_clock_shows_twice_happens_once() -> None:
    assert times("FREQ=DAILY;COUNT=3", "2026-10-24T02:30:00", 5) == [
        "2026-10-24T02:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]


@pytest.mark.parametrize("after", ["2026-10-25T02:10:00", "2026-10-25T02:40:00"])
def test_within_the_hour_that_is_shown_twice_nothing_is_sent_again(after: str) -> None:
    first, second = at("2026-10-24T02:30:00"), at(after, fold=1)
    following = next_time("FREQ=DAILY", first, second, BERLIN)
    assert following == at("2026-10-26T02:30:00")


def test_a_rule_ends_by_count_or_date() -> None:
    first = at("2026-06-01T09:00:00")
    assert len(times("FREQ=DAILY;COUNT=2", "2026-06-01T09:00:00", 9)) == 2
    assert len(times("FREQ=DAILY;UNTIL=20260603T070000Z", "2026-06-01T09:00:00", 9)) == 3
    assert len(times("FREQ=DAILY;UNTIL=20260603T080000", "2026-06-01T09:00:00", 9)) == 2
    assert next_time("FREQ=DAILY;COUNT=1", first, first, BERLIN) is None


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("FREQ=DAILY", None),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=10", None),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", None),
        ("FREQ=HOURLY", "unsupported"),
        ("BYDAY=MO", "unsupported"),
        ("FREQ=DAILY;BYHOUR=9", "unsupported"),
        ("FREQ=DAILY;FREQ=DAILY", "bad_format"),
        ("FREQ=DAILY;INTERVAL=0", "bad_format"),
        ("FREQ=DAILY;INTERVAL=54", "bad_format"),
        ("FREQ=DAILY;INTERVAL=x", "bad_format"),
        ("FREQ=DAILY;COUNT=many", "bad_format"),
        ("FREQ=WEEKLY;BYDAY=XX", "bad_format"),
        ("FREQ=DAILY;UNTIL=20200101T000000Z", "empty"),
        ("FREQ=DAILY;" + "X" * 200, "bad_format"),
    ],
)
def test_what_a_rule_may_say(rule: str, fault: str | None) -> None:
    assert rule_fault(rule, at("2026-06-01T09:00:00"), BERLIN) == fault


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("FREQ=WEEKLY;BYDAY=1MO", "bad_format"),
        ("FREQ=WEEKLY;BYDAY=MO,", "bad_format"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260701T000000Z", "conflict"),
    ],
)
def test_what_rfc_5545_does_not_have_is_refused(rule: str, fault: str) -> None:
    assert rule_fault(rule, at("2026-06-01T09:00:00"), BERLIN) == fault


def test_until_a_day_alone_has_the_whole_day() -> None:
    assert times("FREQ=DAILY;UNTIL=20260602", "2026-06-01T09:00:00", 3) == [
        "2026-06-01T09:00:00+02:00",
        "2026-06-02T09:00:00+02:00",
    ]
