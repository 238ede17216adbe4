"""Everybody who got a coupon or ordered becomes known, without a word of the school; on both databases."""

import pytest

from server.core.audiences.students import Student
from server.core.event_types import Event, EventType
from server.flows.audiences.note_students import note_students
from server.ledger import event_log
from server.ledger.audiences import students
from server.ledger.engine import Ledger
from tests.support.builders.money import NOW
from tests.support.builders.triggers import numbered

pytestmark = pytest.mark.asyncio


async def recorded(ledger: Ledger, student: str, source: str, at: int) -> None:
    event = Event(EventType.COUPON_CONFIRMED, at, "cpn_1", {"source": source}, student)
    async with ledger.begin() as conn:
        await event_log.record(conn, [event])
    await numbered(ledger)


async def known(ledger: Ledger, student: str) -> Student:
    async with ledger.read() as conn:
        found = await students.find(conn, student)
    assert found is not None
    return found


async def test_who_claims_is_known_and_seen(ledger: Ledger) -> None:
    await note_students(ledger, NOW)  # it reads from here on
    await recorded(ledger, "ann", "claim", NOW + 5)
    await recorded(ledger, "bob", "trigger", NOW + 6)
    await recorded(ledger, "ann", "trigger", NOW + 7)

    assert await note_students(ledger, NOW) == 3
    assert await note_students(ledger, NOW) == 0

    ann, bob = await known(ledger, "ann"), await known(ledger, "bob")
    assert (ann.first_seen, ann.last_seen) == (NOW + 5, NOW + 5)
    assert (bob.first_seen, bob.last_seen) == (NOW + 6, None)


async def test_a_later_event_moves_the_last_sight_and_nothing_else(ledger: Ledger) -> None:
    await note_students(ledger, NOW)
    await recorded(ledger, "ann", "claim", NOW + 5)
    await note_students(ledger, NOW)
    await recorded(ledger, "ann", "list", NOW + 9)
    await note_students(ledger, NOW)
    ann = await known(ledger, "ann")
    assert (ann.first_seen, ann.last_seen, ann.lessons_done) == (NOW + 5, NOW + 9, 0)
