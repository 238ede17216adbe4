"""Divides the days of a report into whole months, or whole weeks, and the days that are left at both ends.

Sums are also kept by month, those that compare orders of a week by week, so that a report of a year adds up
some dozen sums for each of its rows and not 365. Used by ledger/reports/sums.py, which keeps and reads both.
Knows no database.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from server.core.reports.measures import STRATA, By
from server.core.reports.rollup import Cell

_STRATA: Final = frozenset(str(one) for one in STRATA)


class Grain(StrEnum):
    """The length of the spans for which sums are kept besides days."""

    MONTH = "month"
    WEEK = "week"


class Divided(NamedTuple):
    """`spans`: those that lie wholly within the days. `edges`: (first, last) of the other days."""

    spans: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


def span_of_day(day: str, grain: Grain) -> str:
    """Return the month of a day, as in 2026-03, or its ISO week, as in 2026-W09."""
    if grain is Grain.MONTH:
        return day[:7]
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02d}"


def is_day(text: str) -> bool:
    """Return whether the text is a day, as in 2026-03-01."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def wider(cell: Cell) -> Cell | None:
    """Return the cell of the month or week in which this one counts; None for one of hours."""
    if cell.by == By.HOUR:
        return None
    grain = Grain.WEEK if cell.measure in _STRATA else Grain.MONTH
    return cell._replace(day=span_of_day(cell.day, grain))


def divide(first: str, last: str, grain: Grain) -> Divided:
    """Divide the days from `first` to `last`, both included and in this order."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    whole_from = start if _begins(start, grain) else _next(start, grain)
    spans: list[str] = []
    at = whole_from
    while (after := _next(at, grain)) <= end + timedelta(days=1):
        spans.append(span_of_day(at.isoformat(), grain))
        at = after
    if not spans:
        return Divided((), ((first, last),))
    edges = [(start, whole_from - timedelta(days=1)), (at, end)]
    return Divided(
        tuple(spans),
        tuple((one.isoformat(), two.isoformat()) for one, two in edges if one <= two),
    )


def _begins(day: date, grain: Grain) -> bool:
    return day.day == 1 if grain is Grain.MONTH else day.weekday() == 0


def _next(day: date, grain: Grain) -> date:
    """Return the first day of the next month or week."""
    if grain is Grain.WEEK:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
