"""A draw in which something else happens: no unit is taken twice, and no draw waits for another."""

import pytest
from sqlalchemy import delete, update

from server.core.access.blocks import BlockForm
from server.core.access.rules import RuleKind
from server.core.drops.drops import DropState
from server.desk.student_eraser import StudentEraser
from server.flows.access.blocks import block, unblock
from server.flows.draws.drive_draws import EntriesMissingError, drive_draws
from server.flows.draws.refill_draws import refill_draws
from server.flows.drops.end_holds import end_holds
from server.ledger import tables
from tests.integration.draws.test_draws import draw_with, enter, finish
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio


async def blocked(rig: WorkerRig, kind: RuleKind, value: str) -> str:
    form = BlockForm(kind, value, "abuse")
    return granted(await block(rig.ledger, rig.feed, form, "olga", now_ms(), None)).id


async def hold_ends(rig: WorkerRig, drop_id: str, student: str) -> None:
    its = tables.coupons.c
    async with rig.ledger.begin() as conn:
        of_student = (its.drop_id == drop_id) & (its.student == student)
        await conn.execute(update(tables.coupons).where(of_student).values(hold_until=1))
    await end_holds(rig.stores, now_ms())


class TestRefill:
    async def test_a_unit_that_came_back_is_one_unit_whoever_was_passed_over_at_the_draw(
        self, rig: WorkerRig
    ) -> None:
        """Two could take no unit at the draw, and those two units are back in the batch."""
        batch = await rig.classroom.made_batch(hold_seconds=60)
        drop = await rig.classroom.opened(batch, quantity=4, mode="draw")
        for student in ("s1", "s2", "s3", "s4"):
            await enter(rig, drop.id, student)
        made = [await blocked(rig, RuleKind.STUDENT, one) for one in ("s3", "s4")]
        await finish(rig, drop.id)
        assert set(await rig.live(drop.id)) == {"s1", "s2"}
        assert (await rig.classroom.row(drop.id)).returned == 2
        for block_id in made:
            await unblock(rig.ledger, rig.feed, block_id, "olga", now_ms())

        await hold_ends(rig, drop.id, "s1")
        await refill_draws(rig.stores, now_ms())
        await rig.confirm(drop.id)

        row = await rig.classroom.row(drop.id)
        assert len(await rig.live(drop.id)) == 2 == row.quantity - row.returned
        assert (await rig.classroom.batch(batch.id)).allotted == 2


@pytest.mark.parametrize("kind", [RuleKind.PERSON, RuleKind.DEVICE])
async def test_who_is_blocked_as_a_person_or_device_after_the_entry_gets_nothing(
    rig: WorkerRig, kind: RuleKind
) -> None:
    drop = await rig.classroom.opened(quantity=2, mode="draw")
    await enter(rig, drop.id, "s1", person="p1", device="d1")
    await enter(rig, drop.id, "s2")
    await blocked(rig, kind, "p1" if kind is RuleKind.PERSON else "d1")
    await finish(rig, drop.id)

    assert set(await rig.live(drop.id)) == {"s2"}


class TestOthers:
    async def test_a_draw_whose_entries_are_gone_holds_no_other_draw_up(
        self, rig: WorkerRig
    ) -> None:
        broken, sound = await draw_with(rig, 3), await draw_with(rig, 3)
        await drive_draws(rig.stores, now_ms())  # their entries are in the ledger
        async with rig.ledger.begin() as conn:
            its = tables.draw_entries.c
            await conn.execute(
                delete(tables.draw_entries).where(its.drop_id == broken, its.number == 2)
            )
        for drop_id in (broken, sound):
            await rig.classroom.drops.close(drop_id, ROOM, now_ms())
        with pytest.raises(EntriesMissingError):
            await drive_draws(rig.stores, now_ms())
        assert (await rig.classroom.view(sound)).state is DropState.CLOSED
        assert (await rig.classroom.view(broken)).state is DropState.DRAWING


async def test_an_erasure_waits_for_entries_on_their_way_to_the_ledger(rig: WorkerRig) -> None:
    """A worker would write the student there once more, behind the erasure."""
    drop_id = await draw_with(rig, 2)
    await enter(rig, drop_id, "ann")
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    assert (await eraser.erase("ann", "erased_1")).waiting == 1
    await drive_draws(rig.stores, now_ms())
    assert (await eraser.erase("ann", "erased_1")).waiting == 0
