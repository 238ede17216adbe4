"""Sums read from months, weeks and days are the plain sums of what was added, whatever was asked for."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from server.core.reports.measures import EVERY_ROOM, STRATA, By, Measure
from server.core.reports.rollup import Cell
from server.core.reports.spans import Grain, span_of_day
from server.ledger.engine import Ledger
from server.ledger.reports import sums
from server.ledger.reports.sums import Asked, Place
from server.ledger.tables import report_span_sums, report_sums

pytestmark = pytest.mark.asyncio

FIRST = date(2025, 11, 20)
MEASURES = (Measure.ISSUED, Measure.PAID, Measure.COURSE_PAID)
VALUES = {By.DAY: ("",), By.HOUR: ("08", "09", "23"), By.BATCH: ("bat_A", "bat_a", "bat-b", "批次")}
ROOMS = (EVERY_ROOM, "math-7", "art-1")
Plain = dict[tuple[str, ...], dict[str, int]]


def some_day(chance: random.Random) -> str:
    return (FIRST + timedelta(days=chance.randrange(130))).isoformat()


def some_cells(chance: random.Random) -> Iterator[Cell]:
    for _ in range(60):
        by = chance.choice(tuple(VALUES))
        day, value = some_day(chance), chance.choice(VALUES[by])
        measure = chance.choice((*MEASURES, *STRATA))
        has_course = measure is Measure.COURSE_PAID or measure in STRATA
        course = chance.choice(("c0", "C1")) if has_course else ""
        currency = chance.choice(("CNY", "USD"))
        yield Cell(by, chance.choice(ROOMS), day, value, course, currency, str(measure))


def plain(added: Counter[Cell], asked: Asked, is_total: bool) -> Plain:
    """Add up one by one what the question asks for; the greatest row first."""
    found: Plain = {}
    for cell, amount in added.items():
        is_by = cell.by == (By.DAY if is_total else asked.by)
        rooms = asked.rooms or [EVERY_ROOM]
        if not is_by or cell.room not in rooms or cell.measure not in asked.measures:
            continue
        if asked.first <= cell.day <= asked.last:
            times = {By.DAY: cell.day, By.HOUR: f"{cell.day}T{cell.value}"}
            key = "" if is_total else times.get(asked.by, cell.value)
            of_row = found.setdefault((key, cell.course, cell.currency), {})
            of_row[cell.measure] = of_row.get(cell.measure, 0) + amount
    return dict(sorted(found.items(), reverse=True))


async def paged(ledger: Ledger, asked: Asked, limit: int) -> Plain:
    found: Plain = {}
    after: Place | None = None
    while True:
        async with ledger.read() as conn:
            page = await sums.page(conn, asked, after, limit)
        found |= {tuple(one.place): dict(one.sums) for one in page}
        if len(page) < limit:
            return found
        after = page[-1].place


@pytest.mark.parametrize("seed", range(3))
async def test_pages_and_totals_are_the_plain_sums(ledger: Ledger, seed: int) -> None:
    chance = random.Random(seed)
    added: Counter[Cell] = Counter()
    for _ in range(6):
        some = Counter({cell: chance.randrange(1, 10**12) for cell in some_cells(chance)})
        async with ledger.begin() as conn:
            await sums.add(conn, some)
        added += some
    for _ in range(25):
        first, last = sorted((some_day(chance), some_day(chance)))
        rooms = chance.choice((None, ["math-7"], ["art-1", "math-7"]))
        asked = Asked(chance.choice(tuple(VALUES)), first, last, rooms, MEASURES)
        found = await paged(ledger, asked, chance.choice((1, 3, 50)))
        wanted = plain(added, asked, is_total=False)
        assert list(found.items()) == list(wanted.items()), asked
        async with ledger.read() as conn:
            totals = await sums.totals(conn, asked)
            strata = await sums.strata(conn, first, last)
        assert {tuple(one.place): one.sums for one in totals} == plain(added, asked, is_total=True)
        by_week: Counter[tuple[str, ...]] = Counter()
        for (span, *rest), amounts in strata:
            week = span if "W" in span else span_of_day(span, Grain.WEEK)
            for measure, amount in amounts.items():
                by_week[week, *rest, measure] += amount
        days = plain(added, Asked(By.DAY, first, last, None, STRATA), is_total=False)
        expected: Counter[tuple[str, ...]] = Counter()
        for (day, *rest), amounts in days.items():
            for measure, amount in amounts.items():
                expected[span_of_day(day, Grain.WEEK), *rest, measure] += amount
        assert by_week == expected, asked


async def test_nothing_to_add_adds_nothing(ledger: Ledger) -> None:
    hour = Cell(By.HOUR, EVERY_ROOM, "2026-03-01", "09", "", "CNY", "issued")
    async with ledger.begin() as conn:
        await sums.add(conn, {})
        await sums.add(conn, {hour: 2})
    async with ledger.read() as conn:
        assert await conn.scalar(select(func.sum(report_sums.c.sum))) == 2
        assert await conn.scalar(select(func.count()).select_from(report_span_sums)) == 0
