"""Tells whether anything is known of a student: the school has told of them, or they have something here.

Called by flows/students/merge.py, before anything moves. Each look is along an index.
"""

from typing import Final

from sqlalchemy import ColumnElement, Table, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.jobs import JobKind
from server.ledger.tables import (
    balances,
    coupons,
    draw_entries,
    invitations,
    inviters,
    jobs,
    lottery_spins,
    messages,
    offers,
    redemptions,
    student_days,
    student_events,
    student_facts,
    student_persons,
    student_tags,
    students,
    task_passes,
)

_NAMING: Final[tuple[Table, ...]] = (
    *(coupons, redemptions, balances, offers, messages),
    *(draw_entries, lottery_spins, task_passes, invitations, inviters),
    *(student_persons, student_tags, student_facts, student_days, student_events),
)


async def unknown_among(conn: AsyncConnection, *names: str) -> list[str]:
    """Return those of these students of whom nothing is known, in this order."""
    return [name for name in names if not await conn.scalar(select(_is_known(name)))]


def _is_known(student: str) -> ColumnElement[bool]:
    told = exists().where(students.c.id == student)
    # What an account had is gone after a merge, which may be asked for once more.
    merged = exists().where(jobs.c.subject == student, jobs.c.kind == JobKind.MERGE.value)
    named = [exists().where(table.c.student == student) for table in _NAMING]
    return or_(told, merged, *named)
