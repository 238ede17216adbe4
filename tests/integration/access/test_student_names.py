"""A student who is renamed is blocked under the new name and found under the old one nowhere."""

import pytest
from sqlalchemy import select

from server.core.access.blocks import BlockForm
from server.core.access.rules import RuleKind
from server.flows.access import watch
from server.flows.access.blocked import blocked_among
from server.flows.access.blocks import block
from server.ledger.access.student_names import rename_student
from server.ledger.tables import access_rules, watched, wrong_codes
from tests.support.builders.classroom import Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio


async def blocked(classroom: Classroom, student: str) -> None:
    form = BlockForm(RuleKind.STUDENT, student, "abuse")
    granted(await block(classroom.ledger, classroom.desk.feed, form, "olga", now_ms(), None))


async def names(classroom: Classroom) -> list[str]:
    async with classroom.ledger.read() as conn:
        columns = (access_rules.c.value, watched.c.value, wrong_codes.c.student)
        return sorted([one for column in columns for one in await conn.scalars(select(column))])


@pytest.mark.parametrize("is_other_blocked", [False, True])
async def test_a_block_goes_with_the_student(classroom: Classroom, is_other_blocked: bool) -> None:
    await blocked(classroom, "ann")
    if is_other_blocked:
        await blocked(classroom, "bob")
    for _ in range(10):
        await watch.note_wrong_code(classroom.ledger, "ann", now_ms())
    await watch.look(classroom.ledger, now_ms())
    async with classroom.ledger.begin() as conn:
        await rename_student(conn, "ann", "bob", "olga", now_ms())
        assert await blocked_among(conn, ["ann", "bob"], now_ms()) == {"bob"}

    assert set(await names(classroom)) == {"bob"}


async def test_a_student_of_whom_nothing_is_known_changes_nothing(classroom: Classroom) -> None:
    await blocked(classroom, "cid")
    async with classroom.ledger.begin() as conn:
        await rename_student(conn, "ann", "bob", "olga", now_ms())

    assert await names(classroom) == ["cid"]
