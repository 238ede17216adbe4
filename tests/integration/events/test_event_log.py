"""Events are recorded in the transaction of what they tell, in their order, on both databases."""

from contextlib import suppress

import orjson
import pytest
from sqlalchemy import func, select

from server.core.event_types import Event, EventType
from server.ledger import event_log, tables
from server.ledger.engine import Ledger

pytestmark = pytest.mark.asyncio
WAITING = tables.unnumbered_events.c


def coupon_event(number: int) -> Event:
    return Event(
        EventType.COUPON_CONFIRMED, 1_000 + number, f"cpn_{number}", {"code": "A"}, f"s{number}"
    )


async def test_events_wait_for_their_number_in_the_order_of_recording(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await event_log.record(conn, [coupon_event(number) for number in range(1_203)])
        await event_log.record(conn, [Event(EventType.DROP_CLOSED, 9, "drp_1")])

    async with ledger.read() as conn:
        rows = (await conn.execute(select(tables.unnumbered_events).order_by(WAITING.number))).all()
    assert [row.subject for row in rows] == [*(f"cpn_{n}" for n in range(1_203)), "drp_1"]
    assert (rows[7].type, rows[7].at, rows[7].student) == ("coupon.confirmed", 1_007, "s7")
    assert orjson.loads(rows[7].data) == {"student": "s7", "code": "A"}
    assert (rows[-1].student, rows[-1].data) == (None, "{}")
    assert len({row.id for row in rows}) == 1_204


async def test_nothing_is_recorded_of_what_is_rolled_back(ledger: Ledger) -> None:
    with suppress(ZeroDivisionError):
        async with ledger.begin() as conn:
            await event_log.record(conn, [coupon_event(1)])
            raise ZeroDivisionError

    async with ledger.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(tables.unnumbered_events)) == 0


async def test_no_events_are_no_statement(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await event_log.record(conn, [])
