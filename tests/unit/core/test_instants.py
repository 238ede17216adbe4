"""Instants: one form of text at every edge, integers of milliseconds inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.instants import from_text, to_text

YEAR_9999 = 253_402_300_799_999


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_772_355_600_000, "2026-03-01T09:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (YEAR_9999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_has_one_text(ms: int, text: str) -> None:
    assert to_text(ms) == text
    assert from_text(text) == ms


@given(st.integers(-(10**12), YEAR_9999))
def test_no_millisecond_is_lost_on_the_way_there_and_back(ms: int) -> None:
    assert from_text(to_text(ms)) == ms


@given(st.lists(st.integers(0, YEAR_9999), min_size=2))
def test_texts_sort_as_their_instants_do(instants: list[int]) -> None:
    assert sorted(map(to_text, instants)) == list(map(to_text, sorted(instants)))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:00:00Z",
        "2026-03-01T17:00:00+08:00",
        "2026-03-01T17:00:00.000+08:00",
        "2026-03-01T03:30:00-05:30",
        "2026-03-01 09:00:00+00:00",
    ],
)
def test_any_offset_is_understood(text: str) -> None:
    assert from_text(text) == 1_772_355_600_000


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-03-01t09:00:00z", "2026-03-01T09:00:00.000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ("2017-01-01T07:59:60.250+08:00", "2017-01-01T00:00:00.250Z"),
    ],
)
def test_every_form_of_rfc_3339_is_understood(text: str, same: str) -> None:
    assert to_text(from_text(text)) == same


def test_digits_below_a_millisecond_are_dropped() -> None:
    assert from_text("2026-03-01T09:00:00.123999Z") == 1_772_355_600_123


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:00:00",
        "2026-03-01",
        "09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-03-01T25:00:00Z",
        "2026-03-01T09:00:00+99:00",
        "2026-03-01T09:00:60Z",
        "2026-02-30T23:59:60Z",
        "9999-12-31T23:59:60Z",
        "2016-12-31T23:59:60",
        "tomorrow",
        "",
        "1772355600000",
    ],
)
def test_a_text_that_is_not_an_instant_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        from_text(text)
