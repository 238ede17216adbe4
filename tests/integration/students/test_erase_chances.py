"""An export has what may still become a coupon, and an erasure takes it (I13); on both databases."""

from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Table, insert, select

from server.core.drops.tasks import InviteTask, SignInTask
from server.core.identity import Identity, Role
from server.core.ids import BatchId, DropId, StudentId
from server.core.jobs import JobKind, JobState
from server.core.lotteries.lotteries import PPM, Chances, LotteryForm, Prize
from server.core.offers.offers import OfferForm
from server.core.students.erasure import key_of
from server.desk.claims.claim_desk import entering
from server.desk.drops.task_desk import TaskOf
from server.desk.student_eraser import StudentEraser
from server.flows.draws.drive_draws import drive_draws
from server.flows.jobs import drive_jobs, find_job
from server.flows.lotteries.draw_spins import SpinRequest
from server.flows.lotteries.lotteries import make_lottery
from server.flows.lotteries.spin_queue import SpinQueue
from server.flows.offers.make_offers import make_offers
from server.flows.offers.show_offers import page_of_room
from server.flows.students.erase import Erasing, ErasureRequest, request_erasure
from server.flows.students.export import export_student, request_export
from server.flows.tasks import invites
from server.ledger import tables
from server.ledger.students.erase import tables_naming
from server.ledger.students.personal_columns import STUDENT_COLUMNS
from server.ledger.tables.coupon import lottery, offer
from server.ledger.tables.drop import draw, task
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.issuances import UTC, parts_of
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
ANN = StudentId("ann-zhang-7f3a9c")
MODULES = (draw, lottery, offer, task)
KEY = key_of("a-secret-that-is-long-enough-for-a-test")


def with_students(modules: tuple[ModuleType, ...]) -> set[str]:
    found = [one for module in modules for one in vars(module).values() if isinstance(one, Table)]
    return {str(one.name) for one in found} & set(STUDENT_COLUMNS)


def who(student: str) -> Identity:
    rooms = frozenset({ROOM})
    return Identity(
        student, Role.STUDENT, rooms, frozenset(), 0, is_new=True, person=f"p-{student}"
    )


def files_with(word: str, folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if word.encode() in path.read_bytes()]


async def entered(rig: WorkerRig) -> DropId:
    batch = await rig.classroom.made_batch()
    made = await rig.classroom.opened(batch, quantity=1, mode="draw")
    row = await rig.classroom.row(made.id)
    await rig.desk.claims.claim(
        shard=row.shard,
        drop_id=row.id,
        batch_id=row.batch_id,
        student=ANN,
        request_id=f"r-{ANN}",
        entering=entering("ab" * 16),
    )
    return row.id


async def chances(rig: WorkerRig) -> DropId:
    """Let the student have a row of each kind; return the draw that they have entered."""
    batch = await rig.classroom.made_batch(per_student=9)
    form = OfferForm(
        BatchId(batch.id), (ANN,), 600, message=f"For {ANN} alone", metadata={"of": ANN}
    )
    granted(await make_offers(rig.stores, ROOM, form, None, now_ms()))
    asking = await rig.classroom.opened(batch, task=InviteTask(2))
    granted(await invites.own_link(rig.stores, asking.id, who(ANN), now_ms()))
    bobs = granted(await invites.own_link(rig.stores, asking.id, who("bob"), now_ms()))
    granted(await invites.arrive(rig.stores, bobs.code, who(ANN), now_ms()))
    signing = await rig.classroom.opened(batch, task=SignInTask())
    row = await rig.classroom.row(signing.id)
    await rig.desk.drops.tasks.set_done(TaskOf(row.shard, row.id, SignInTask()), {ANN: 1})
    async with rig.ledger.begin() as conn:
        passed = {"drop_id": signing.id, "student": ANN, "at": 1}
        await conn.execute(insert(tables.task_passes), passed)
    wheel = LotteryForm(name="W", prizes=(Prize(batch.id, PPM, quantity=5),), chances=Chances(1))
    made = granted(await make_lottery(rig.ledger, "op", wheel, UTC, now_ms()))
    await SpinQueue().spin(parts_of(rig), made.id, SpinRequest(ANN, f"r-{ANN}"))
    drop_id = await entered(rig)
    await drive_draws(rig.stores, now_ms())
    return drop_id


async def test_each_kind_of_row_is_exported_and_erased(
    flushable_rig: WorkerRig, tmp_path: Path
) -> None:
    rig = flushable_rig
    drop_id = await chances(rig)
    asked = granted(await request_export(rig.ledger, "op", ANN, None, now_ms()))
    await drive_jobs(rig.stores, {JobKind.EXPORT: export_student}, now_ms())
    exported = granted(await find_job(rig.ledger, asked.id)).report or {}
    assert with_students(MODULES) <= set(exported["rows"])  # type: ignore[call-overload]

    job = granted(await request_erasure(rig.ledger, ErasureRequest("op", ANN, "asked"), now_ms()))
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    await drive_jobs(rig.stores, {JobKind.ERASE: Erasing(eraser, [KEY])}, now_ms())

    done = granted(await find_job(rig.ledger, job.id))
    assert (done.state, done.error) == (JobState.DONE, None)
    assert await tables_naming(rig.ledger, ANN) == []
    assert files_with("bob", tmp_path) != [], "the control"
    assert files_with(ANN, tmp_path) == []
    (offer,) = await page_of_room(rig.ledger, ROOM, None, None, 9)
    assert offer.offer.metadata == {}
    async with rig.ledger.read() as conn:
        its = tables.draw_entries.c
        leaves = list(await conn.scalars(select(its.leaf).where(its.drop_id == drop_id)))
    assert [len(one) for one in leaves] == [64]  # the proof goes on without the name


async def test_an_entry_that_the_ledger_does_not_have_holds_an_erasure_up(rig: WorkerRig) -> None:
    await entered(rig)
    eraser = StudentEraser(rig.desk.redis, rig.desk.prefix)
    before = await eraser.erase(ANN, "erased:x")
    await drive_draws(rig.stores, now_ms())
    after = await eraser.erase(ANN, "erased:x")
    assert (before.waiting, after.waiting) == (1, 0)
