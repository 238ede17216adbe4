"""Facts that the conditions of triggers ask of the students of a few events.

Called by flows/events/match_triggers.py. Bounded by the students and events of one page.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.rules import Condition
from server.core.event_types import EventType
from server.ledger.audiences.rules import Moment, condition_clause
from server.ledger.bulk import is_among
from server.ledger.tables import events, student_days, students

_ORDERS: Final = (EventType.REDEMPTION_REDEEMED.value, EventType.REDEMPTION_REFUNDED.value)


async def students_with(
    conn: AsyncConnection, condition: Condition, among: Collection[str], moment: Moment
) -> set[str]:
    """Return those of these students of whom the condition is true."""
    query = select(students.c.id).where(
        is_among(conn, students.c.id, among), condition_clause(condition, moment)
    )
    return set(await conn.scalars(query))


async def days_of(
    conn: AsyncConnection, kind: str, among: Collection[str]
) -> dict[str, dict[int, str]]:
    """Return the dates on which these students had an event of this type: date -> its first event."""
    days = student_days.c
    query = select(days.student, days.day, days.first_event).where(
        days.kind == kind, is_among(conn, days.student, among)
    )
    found: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for student, day, first_event in await conn.execute(query):
        found[student][day] = first_event
    return found


async def spending_of(
    conn: AsyncConnection, among: Collection[str], until_seq: int
) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return what these students paid and got back, in the order of the log: (student, currency) -> (seq,
    amount), negative where it came back. As far back as the log goes.
    """
    query = (
        select(events.c.seq, events.c.student, events.c.type, events.c.data)
        .where(
            is_among(conn, events.c.student, among),
            events.c.type.in_(_ORDERS),
            events.c.seq <= until_seq,
        )
        .order_by(events.c.seq)
    )
    found: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for seq, student, type_, text in await conn.execute(query):
        data = orjson.loads(text)
        is_paid = type_ == EventType.REDEMPTION_REDEEMED
        amount = data["payable"] if is_paid else -data["amount"]
        found[student, data["currency"]].append((seq, amount))
    return found
