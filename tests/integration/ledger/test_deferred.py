"""Writes that wait for the end of their transaction are part of it: all of them, or none."""

import pytest
from sqlalchemy import bindparam, insert, select, update

from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.ledger import acts, deferred, event_log
from server.ledger.engine import Ledger
from server.ledger.tables import acts as acts_table
from server.ledger.tables import desks, unnumbered_events

pytestmark = pytest.mark.asyncio


def an_event(subject: str, **data: object) -> Event:
    return Event(EventType.DROP_OPENED, 1, subject, data)


async def subjects(ledger: Ledger) -> list[str]:
    query = select(unnumbered_events.c.subject).order_by(unnumbered_events.c.number)
    async with ledger.read() as conn:
        return list(await conn.scalars(query))


async def written_acts(ledger: Ledger) -> list[str]:
    async with ledger.read() as conn:
        return list(await conn.scalars(select(acts_table.c.subject)))


async def test_they_are_there_after_the_commit_events_in_their_order(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await event_log.record(conn, [an_event("a"), an_event("b")])
        await acts.write_act(conn, "olga", Action.DROP_CLOSED, "c", 1)
        await event_log.record(conn, [an_event("d", text="two\nlines"), an_event("e")])

    assert await subjects(ledger) == ["a", "b", "c", "d", "e"]
    assert await written_acts(ledger) == ["c"]


async def test_a_text_of_several_lines_stays_one(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await event_log.record(conn, [an_event("a\nb"), an_event("c")])

    assert await subjects(ledger) == ["a\nb", "c"]


async def test_none_is_left_by_a_transaction_that_fails(ledger: Ledger) -> None:
    async def failing() -> None:
        async with ledger.begin() as conn:
            await acts.write_act(conn, "olga", Action.DROP_CLOSED, "gone", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    async with ledger.begin() as conn:  # on SQLite and in a quiet pool this is the same connection
        await acts.write_act(conn, "olga", Action.DROP_CLOSED, "kept", 1)

    assert await subjects(ledger) == ["kept"]
    assert await written_acts(ledger) == ["kept"]


async def test_a_statement_takes_them_along_and_does_not_see_them(ledger: Ledger) -> None:
    count = select(acts_table.c.id).exists().label("is_there")
    moved = update(desks).where(desks.c.shard == bindparam("of")).values(epoch=desks.c.epoch + 1)
    async with ledger.begin() as conn:
        row = {"id": "act_1", "at": 1, "actor": "olga", "action": "x", "detail": {}}
        await deferred.later(conn, insert(acts_table).values(**row, subject="early"))
        found = await deferred.execute_with_deferred(conn, moved.returning(count), {"of": 0})
        assert not found.scalar_one()
        assert list(await conn.scalars(select(acts_table.c.subject))) == ["early"]

    assert await written_acts(ledger) == ["early"]
