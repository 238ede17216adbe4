"""Find which events fulfil which triggers.

Called by fire_triggers.py, which issues for them, and by dry_run_trigger.py, which only counts.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, cast

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.rules import Condition, is_true, rule_of
from server.core.audiences.student_events import day_of
from server.core.event_types import EventType
from server.core.events.triggers import (
    ORDER_TYPES,
    Happening,
    Trigger,
    completes_streak,
    conditions_in,
    crosses,
    happening_of,
    is_met_by,
)
from server.ledger.audiences.rules import Moment
from server.ledger.event_log import NumberedEvent
from server.ledger.events import trigger_facts

WATCHED: Final = frozenset({EventType.STUDENT_EVENT, *ORDER_TYPES})
Truth = Callable[[Happening], bool]


@dataclass(frozen=True, slots=True)
class Asking:
    """A time at which conditions are asked, in the school's zone."""

    now: int
    zone: tzinfo

    @property
    def moment(self) -> Moment:
        return Moment(self.now, day_of(self.now, self.zone))


def happenings_of(events: Sequence[NumberedEvent]) -> list[Happening]:
    """Return what triggers may wait for, in the order of the log."""
    each = (happening_of(event, orjson.loads(event.data)) for event in events)
    return [one for one in each if one is not None]


async def fulfilled(
    conn: AsyncConnection, trigger: Trigger, happenings: Sequence[Happening], asking: Asking
) -> list[Happening]:
    """Return the events, which the trigger waits for, that fulfil its conditions."""
    conditions = conditions_in(trigger.form)
    if not conditions or not happenings:
        return list(happenings)
    by_value = {_key(each): await _truth(conn, each, happenings, asking) for each in conditions}
    raw = trigger.form.conditions
    assert raw is not None  # it has conditions
    rule = rule_of(raw)

    def fulfils(one: Happening) -> bool:
        return is_true(rule, lambda each: by_value[_key(each)](one))

    return list(filter(fulfils, happenings))


def _key(condition: Condition) -> bytes:
    return orjson.dumps([condition.fact, condition.op, condition.value])


async def _truth(
    conn: AsyncConnection, condition: Condition, happenings: Sequence[Happening], asking: Asking
) -> Truth:
    """Return a function that says of each event whether the condition holds."""
    students = {one.student for one in happenings}
    if condition.fact.startswith("data."):
        return lambda one: is_met_by(condition, one.data)
    if condition.fact == "streak":
        return await _streaks(conn, condition, happenings, asking)
    if condition.fact == "spent":
        return await _spending(conn, condition, happenings)
    found = await trigger_facts.students_with(conn, condition, students, asking.moment)
    return lambda one: one.student in found


async def _streaks(
    conn: AsyncConnection, condition: Condition, happenings: Sequence[Happening], asking: Asking
) -> Truth:
    """Look which events are the first of a date that completes the streak. A date that another event of the
    page adds later does not count yet.
    """
    students = {one.student for one in happenings}
    days = await trigger_facts.days_of(conn, happenings[0].type, students)
    place = {one.name: number for number, one in enumerate(happenings)}

    def is_reached(one: Happening) -> bool:
        of_them: Mapping[int, str] = days.get(one.student, {})
        day = day_of(one.at, asking.zone)
        if of_them.get(day) != one.name:
            return False
        mine = place[one.name]
        known = [each for each, first in of_them.items() if place.get(first, -1) <= mine]
        return completes_streak(known, day, cast(int, condition.value))

    return is_reached


async def _spending(
    conn: AsyncConnection, condition: Condition, happenings: Sequence[Happening]
) -> Truth:
    """Look which payments bring what a student has spent to the amount, by the order of the log."""
    students: Collection[str] = {one.student for one in happenings}
    spent = await trigger_facts.spending_of(conn, students, max(one.seq for one in happenings))

    def is_reached(one: Happening) -> bool:
        moves = spent.get((one.student, str(one.data["currency"])), [])
        before = sum(amount for seq, amount in moves if seq < one.seq)
        after = sum(amount for seq, amount in moves if seq <= one.seq)
        return crosses(before, after, cast(int, condition.value))

    return is_reached
