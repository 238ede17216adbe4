"""Triggers and the events that fire them, through the flows, on a ledger of one batch."""

from collections.abc import Collection
from datetime import UTC
from typing import Any

from sqlalchemy import select

from server.core.audiences.student_events import StudentEvent
from server.core.events.triggers import Limits, Trigger, TriggerForm
from server.flows.audiences.student_events import Accepted, accept_events
from server.flows.events.fire_triggers import fire_triggers
from server.flows.events.number_events import number_events
from server.flows.events.triggers import activate_trigger, create_trigger
from server.ledger import tables
from server.ledger.engine import Ledger
from tests.support.builders.coupon_rows import give_coupon
from tests.support.builders.money import NOW


async def a_batch(ledger: Ledger) -> str:
    """The ledger's batch; it is made where there is none."""
    async with ledger.read() as conn:
        found: str | None = await conn.scalar(select(tables.batches.c.id).limit(1))
    if found is None:
        await give_coupon(ledger, 1, student="nobody")
        return await a_batch(ledger)
    return found


async def made_trigger(
    ledger: Ledger,
    event: str = "lesson_finished",
    limits: Limits | None = None,
    batch_id: str | None = None,
    **change: Any,
) -> Trigger:
    """A draft."""
    batch_id = batch_id or await a_batch(ledger)
    form = TriggerForm("Well done", event, batch_id, None, limits or Limits(1), **change)
    made = await create_trigger(ledger, "olga", form, None, NOW)
    assert isinstance(made, Trigger), made
    return made


async def active_trigger(ledger: Ledger, *args: Any, **change: Any) -> Trigger:
    """A trigger that fires."""
    draft = await made_trigger(ledger, *args, **change)
    return await activated(ledger, draft)


async def activated(ledger: Ledger, trigger: Trigger, *, catch_up: bool = False) -> Trigger:
    done = await activate_trigger(ledger, "olga", trigger.id, NOW, catch_up=catch_up)
    assert isinstance(done, Trigger), done
    return done


async def told(ledger: Ledger, *events: StudentEvent, now: int = NOW) -> None:
    """The school tells of the events, and they get their numbers."""
    assert isinstance(await accept_events(ledger, events, UTC, now), Accepted)
    await numbered(ledger)


async def numbered(ledger: Ledger) -> None:
    async def nobody_waits(_last: int, _types: Collection[str]) -> None: ...

    await number_events(ledger, nobody_waits)


async def fire(ledger: Ledger, now: int = NOW) -> int:
    return await fire_triggers(ledger, UTC, now)


def lesson(name: str, student: str = "ann", at: int = NOW, **data: object) -> StudentEvent:
    return StudentEvent(name, "lesson_finished", student, at, data)
