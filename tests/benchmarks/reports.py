"""`python -m tests.benchmarks.reports [sqlite] [postgresql]`: how long a report takes; goal: p95 of 300 ms.

A year of a school with 10 million coupons, 27,400 a day: 20 batches of three courses each, 30 rooms and 12
instructors on each day. What is generated are the sums that the worker would have made of their events.
Reports read nothing else, so the coupons themselves are not there. Each report is read by each division, over
30 days and a year.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from time import perf_counter
from typing import Final

from server.core.reports.figures import MEASURES, ReportKind
from server.core.reports.measures import EVERY_ROOM, NO_COURSE, STRATA, By
from server.core.reports.rollup import Cell
from server.flows.reports import read_reports
from server.flows.reports.read_reports import Question
from server.ledger.engine import Ledger
from server.ledger.reports import sums
from tests.benchmarks.rigs import print_rounds
from tests.support.worker_rig import WorkerRig

_FIRST: Final = date(2026, 1, 1)
_DAYS: Final = 365
_COURSES: Final = tuple(f"course-{n}" for n in range(40))
# How many rows a day has, and of how many there are in a year: a batch lasts for ten days.
_VALUES: Final = {
    By.DAY: 1,
    By.HOUR: 14,
    By.BATCH: 20,
    By.CHANNEL: 6,
    By.ROOM: 30,
    By.INSTRUCTOR: 12,
    By.CAMPAIGN: 4,
    By.PHASE: 4,
}
_PAGES: Final = (
    50,
    1_000,
)  # rows: what the API gives unasked, and what the office asks for its chart
_COUPONS_A_DAY: Final = 27_400


def _cells(day: int) -> Iterator[tuple[Cell, int]]:
    """Yield the sums of a day: of coupons and orders in each row, of courses in those of batches and days."""
    text = (_FIRST + timedelta(days=day)).isoformat()
    whole = [*MEASURES[ReportKind.COUPONS], *MEASURES[ReportKind.ORDERS]]
    of_courses = [*MEASURES[ReportKind.COURSES], *STRATA]
    for by, count in _VALUES.items():
        for number in range(count):
            value = _value(by, number, day)
            amount = _COUPONS_A_DAY // count
            for measure in dict.fromkeys(whole):
                yield Cell(by, EVERY_ROOM, text, value, NO_COURSE, "CNY", measure), amount
            if by in (By.DAY, By.BATCH):
                sold = _COURSES if by is By.DAY else _COURSES[number : number + 3]
                for course, measure in product(sold, of_courses):
                    yield Cell(by, EVERY_ROOM, text, value, course, "CNY", str(measure)), amount


def _value(by: By, number: int, day: int) -> str:
    if by is By.DAY:
        return ""
    if by is By.HOUR:
        return f"{number + 8:02d}"
    return f"{by}-{day // 10 * 100 + number if by is By.BATCH else number}"


async def _fill(ledger: Ledger) -> int:
    rows = 0
    for day in range(_DAYS):
        cells = dict(_cells(day))
        rows += len(cells)
        async with ledger.begin() as conn:
            await sums.add(conn, cells)
    return rows


async def _measure(rig: WorkerRig) -> str:
    ledger = rig.ledger
    begun = perf_counter()
    rows = 0
    async with ledger.read() as conn:
        there = await sums.totals(
            conn, sums.Asked(By.DAY, "2026-01-01", "2026-01-01", None, ["issued"])
        )
    if not there:
        rows = await _fill(ledger)
    filled = perf_counter() - begun
    last = _FIRST + timedelta(days=_DAYS - 1)
    spans = {30: (last - timedelta(days=29)).isoformat(), _DAYS: _FIRST.isoformat()}
    said = [f"{rows} sums in {filled:.0f} s" if rows else "again"]
    for days, first in spans.items():
        took = []
        for kind, by, rows in product(ReportKind, By, _PAGES):
            question = Question(kind, by, first, last.isoformat(), None)
            begun = perf_counter()
            await read_reports.read(ledger, question, None, rows)
            took.append((perf_counter() - begun, f"{rows} of {kind} by {by}"))
        took.sort()
        middle, high = took[len(took) // 2][0], took[int(len(took) * 0.95)][0]
        worst, name = took[-1]
        said.append(
            f"{days} days: p50 {middle * 1000:.0f} ms, p95 {high * 1000:.0f} ms, "
            f"most {worst * 1000:.0f} ms ({name})"
        )
    return "; ".join(said)


if __name__ == "__main__":
    print_rounds(_measure, sys.argv[1:])
