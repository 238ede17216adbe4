"""`doctor` computes each seal anew from the ledger, and names the claim that somebody has changed."""

import pytest
from sqlalchemy import update

from server.core.acts import Action
from server.flows.consistency.checks.seal_checks import check_seals
from server.flows.consistency.findings import FindingKind
from server.flows.drops.seal_drops import seal_drops
from server.ledger import acts, tables
from server.ledger.drops import claims
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms

pytestmark = pytest.mark.asyncio


async def test_a_row_that_was_changed_after_the_seal_is_found(classroom: Classroom) -> None:
    drop = await classroom.opened()
    await classroom.won(drop.id, "ann", "ben", "cat")
    await classroom.confirm(drop.id)
    granted(await classroom.drops.close(drop.id, ROOM, now_ms()))
    assert await check_seals(classroom.ledger) == []
    await seal_drops(classroom.stores, now_ms())
    assert await check_seals(classroom.ledger) == []

    of = tables.claims
    async with classroom.ledger.begin() as conn:
        ben = await claims.of_student(conn, drop.id, "ben")
        assert ben is not None
        await claims.release(conn, [ben.id], "hold_ended")
        into = {"into": "ann2", "coupons": 1}
        await acts.write_act(conn, "op", Action.STUDENT_MERGED, "ann", now_ms(), **into)
        await conn.execute(update(of).where(of.c.student == "ann").values(student="ann2"))
    assert await check_seals(classroom.ledger) == []

    async with classroom.ledger.begin() as conn:
        await conn.execute(update(of).where(of.c.student == "cat").values(student="eve"))
    found = await check_seals(classroom.ledger)
    assert [(one.kind, one.drop) for one in found] == [(FindingKind.SEAL_DIFFERS, drop.id)]
    assert "is another one than was sealed" in found[0].what
