"""Doctor finds events without a number, numbers without an event, and readers that are ahead, on both
databases."""

import pytest
from sqlalchemy import delete, insert

from server.core.event_types import Event, EventType
from server.flows.consistency.checks.event_checks import UNNUMBERED_MS, check_events
from server.flows.consistency.findings import FindingKind
from server.flows.events.number_events import number_events
from server.ledger import event_log, event_positions, tables
from server.ledger.engine import Ledger

pytestmark = pytest.mark.asyncio


async def ignore(_last: int, _types: object) -> None:
    """Announce to nobody."""


async def recorded(ledger: Ledger, count: int = 3) -> None:
    async with ledger.begin() as conn:
        await event_log.record(conn, [Event(EventType.DROP_OPENED, 1_000, "drp_1")] * count)


async def kinds(ledger: Ledger, now: int) -> list[FindingKind]:
    return [each.kind for each in await check_events(ledger, now)]


async def test_a_whole_log_has_no_finding(ledger: Ledger) -> None:
    assert await kinds(ledger, 10**12) == []
    await recorded(ledger)
    await number_events(ledger, ignore)
    async with ledger.begin() as conn:
        await event_positions.take(conn, "triggers")
    assert await kinds(ledger, 10**12) == []


async def test_events_that_nobody_numbers(ledger: Ledger) -> None:
    await recorded(ledger)
    assert await kinds(ledger, 1_000 + UNNUMBERED_MS) == []
    assert await kinds(ledger, 1_001 + UNNUMBERED_MS) == [FindingKind.EVENTS_UNNUMBERED]


async def test_a_number_without_an_event(ledger: Ledger) -> None:
    await recorded(ledger)
    await number_events(ledger, ignore)
    async with ledger.begin() as conn:
        await conn.execute(delete(tables.events).where(tables.events.c.seq == 2))
    assert await kinds(ledger, 1_000) == [FindingKind.EVENTS_MISSING]


async def test_a_reader_that_is_ahead_would_miss_what_comes(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await conn.execute(insert(tables.event_positions).values(reader="triggers", seq=9))
    (finding,) = await check_events(ledger, 1_000)
    assert (finding.kind, finding.error) == (FindingKind.READER_AHEAD, "triggers")
