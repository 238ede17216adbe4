"""Days of a report are divided into whole months or weeks and what is left: each day is in one of them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.reports.measures import By, Measure
from server.core.reports.rollup import Cell
from server.core.reports.spans import Grain, divide, is_day, span_of_day, wider

DAYS = st.dates(date(2025, 12, 1), date(2028, 3, 31))
CELL = Cell(By.ROOM, "*", "2026-01-01", "math-7", "", "CNY", Measure.ISSUED)


def days_of(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


@given(DAYS, st.integers(0, 400), st.sampled_from(Grain))
def test_each_day_is_in_one_span_or_one_edge(first: date, more: int, grain: Grain) -> None:
    last = first + timedelta(days=more)
    spans, edges = divide(first.isoformat(), last.isoformat(), grain)
    around = days_of(first - timedelta(days=40), last + timedelta(days=40))
    found = [day for day in around if span_of_day(day, grain) in spans]
    for start, end in edges:
        found += days_of(date.fromisoformat(start), date.fromisoformat(end))
    assert sorted(found) == days_of(first, last)


def test_a_year_is_its_months_and_parts_of_months_are_days() -> None:
    spans, edges = divide("2025-12-31", "2027-01-02", Grain.MONTH)
    assert spans == tuple(f"2026-{month:02d}" for month in range(1, 13))
    assert edges == (("2025-12-31", "2025-12-31"), ("2027-01-01", "2027-01-02"))
    assert divide("2026-02-02", "2026-02-27", Grain.MONTH) == ((), (("2026-02-02", "2026-02-27"),))


@pytest.mark.parametrize(
    ("cell", "span"),
    [
        (CELL, "2026-01"),
        (CELL._replace(by=By.DAY, measure=Measure.STRATUM_PAID), "2026-W01"),
        (CELL._replace(day="2027-01-01", measure=Measure.STRATUM_PAID), "2026-W53"),
    ],
)
def test_sums_count_in_their_month_and_what_is_compared_by_week_in_its_week(
    cell: Cell, span: str
) -> None:
    assert wider(cell) == cell._replace(day=span)


def test_hours_have_no_sums_of_months() -> None:
    assert wider(CELL._replace(by=By.HOUR)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-03-01", True), ("2026-02-30", False), ("20260301", False), ("math-7", False)],
)
def test_a_day_is_told_from_other_texts(text: str, expected: bool) -> None:
    assert is_day(text) is expected
