"""Numbers follow the order in which events become visible, without a gap, whoever gives them, on both
databases."""

import asyncio

import pytest
from sqlalchemy import select

from server.core.event_types import Event, EventType
from server.flows.events.event_pages import read_page
from server.flows.events.number_events import number_events, remove_old
from server.ledger import deferred, event_log, event_positions, tables
from server.ledger.engine import Ledger

pytestmark = pytest.mark.asyncio
DAY_MS = 86_400_000


async def ignore(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def recorded(ledger: Ledger, *subjects: str, at: int = 1) -> None:
    async with ledger.begin() as conn:
        events = [Event(EventType.DROP_OPENED, at, subject) for subject in subjects]
        await event_log.record(conn, events)


async def followed(ledger: Ledger, after: int = 0, limit: int = 7) -> list[tuple[int, str]]:
    """Follow the log page by page, as a mirror does."""
    found: list[tuple[int, str]] = []
    while True:
        page = await read_page(ledger, after, None, limit)
        found += [(each.seq, each.subject) for each in page.events]
        if not page.events:
            return found
        after = page.next


async def test_numbers_begin_at_one_and_have_no_gap(ledger: Ledger) -> None:
    await recorded(ledger, *(f"a{n}" for n in range(2_300)))
    assert await number_events(ledger, ignore) == 2_300
    await recorded(ledger, "b")
    assert await number_events(ledger, ignore) == 1
    assert await number_events(ledger, ignore) == 0

    found = await followed(ledger, limit=500)
    assert found == [*((n + 1, f"a{n}") for n in range(2_300)), (2_301, "b")]


async def test_each_commit_is_announced_with_its_types(ledger: Ledger) -> None:
    told: list[tuple[int, object]] = []

    async def note(last: int, types: object) -> None:
        told.append((last, types))

    await recorded(ledger, *(f"a{n}" for n in range(1_001)))
    await number_events(ledger, note)

    assert told == [(1_000, {EventType.DROP_OPENED}), (1_001, {EventType.DROP_OPENED})]


async def test_workers_that_number_at_once_give_each_number_once(ledger: Ledger) -> None:
    async def recording() -> None:
        for n in range(40):
            await recorded(ledger, *(f"{n}-{k}" for k in range(5)))

    async def numbering() -> None:
        for _ in range(30):
            await number_events(ledger, ignore)

    await asyncio.gather(recording(), recording(), *(numbering() for _ in range(4)))
    await number_events(ledger, ignore)

    found = await followed(ledger, limit=100)
    assert [seq for seq, _ in found] == list(range(1, 401))
    assert sorted(s for _, s in found) == sorted(
        [f"{n}-{k}" for n in range(40) for k in range(5)] * 2
    )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_reader_never_passes_an_event_that_commits_late(ledger: Ledger) -> None:
    async with ledger.begin() as late:
        await event_log.record(late, [Event(EventType.DROP_OPENED, 1, "late")])
        await deferred.flush(late)
        await recorded(ledger, "early")
        await number_events(ledger, ignore)
        assert await followed(ledger) == [(1, "early")]
    await number_events(ledger, ignore)

    assert await followed(ledger, after=1) == [(2, "late")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_control_a_reader_by_the_order_of_insertion_passes_it(ledger: Ledger) -> None:
    async with ledger.begin() as late:
        await event_log.record(late, [Event(EventType.DROP_OPENED, 1, "late")])
        await deferred.flush(late)
        await recorded(ledger, "early")
        [(position, subject)] = await _inserted_after(ledger, 0)
        assert subject == "early"

    assert await _inserted_after(ledger, position) == []
    assert {subject for _, subject in await _inserted_after(ledger, 0)} == {"late", "early"}


async def _inserted_after(ledger: Ledger, number: int) -> list[tuple[int, str]]:
    waiting = tables.unnumbered_events.c
    async with ledger.read() as conn:
        rows = await conn.execute(
            select(waiting.number, waiting.subject).where(waiting.number > number)
        )
        return [(number, subject) for number, subject in rows]


async def test_a_new_reader_begins_with_what_comes(ledger: Ledger) -> None:
    await recorded(ledger, "before")
    await number_events(ledger, ignore)
    async with ledger.begin() as conn:
        assert await event_positions.take(conn, "triggers") == 1
        await event_positions.move(conn, "triggers", 1)
        assert await event_positions.all_positions(conn) == {"numbering": 1, "triggers": 1}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_position_that_is_taken_is_nobody_elses(ledger: Ledger) -> None:
    async with ledger.begin() as one:
        await event_positions.take(one, "triggers")
    async with ledger.begin() as one, ledger.begin() as other:
        assert await event_positions.take(one, "triggers") == 0
        assert await event_positions.take(other, "triggers") is None


async def test_rare_types_are_found_and_the_page_says_how_far_it_looked(ledger: Ledger) -> None:
    await recorded(ledger, *(f"a{n}" for n in range(30)))
    async with ledger.begin() as conn:
        await event_log.record(conn, [Event(EventType.DROP_CLOSED, 1, "rare")])
    await recorded(ledger, "b")
    await number_events(ledger, ignore)

    page = await read_page(ledger, 0, {EventType.DROP_CLOSED}, 10)
    assert [(each.seq, each.subject) for each in page.events] == [(31, "rare")]
    assert page.next == 32
    assert (await read_page(ledger, 32, {EventType.DROP_CLOSED}, 10)).events == []


async def test_old_events_leave_and_the_numbers_go_on(ledger: Ledger) -> None:
    await recorded(ledger, "old", at=1)
    await recorded(ledger, "young", at=500 * DAY_MS)
    await number_events(ledger, ignore)

    assert await remove_old(ledger, 400, now=500 * DAY_MS) == 1
    assert await followed(ledger) == [(2, "young")]
    assert await remove_old(ledger, 400, now=901 * DAY_MS) == 1
    await recorded(ledger, "next")
    await number_events(ledger, ignore)
    assert await followed(ledger) == [(3, "next")]
