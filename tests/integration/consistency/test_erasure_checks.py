"""`doctor` finds who was erased and is back after a restore, and erases them again."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from server.core.jobs import JobKind
from server.core.students.erasure import key_of
from server.desk.student_eraser import StudentEraser
from server.flows.consistency.checks.erasure_checks import ErasureChecks
from server.flows.consistency.findings import FindingKind
from server.flows.jobs import drive_jobs
from server.flows.students.erase import Erasing, ErasureRequest, request_erasure
from server.ledger import tables
from server.ledger.engine import Ledger
from server.ledger.students.erase import tables_naming
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig, make_rig

pytestmark = pytest.mark.asyncio
ANN = "ann-zhang-7f3a9c"
KEY = key_of("a-secret-that-is-long-enough-for-a-test")


def checks(rig: WorkerRig, *keys: bytes) -> ErasureChecks:
    return ErasureChecks(rig.stores, StudentEraser(rig.desk.redis, rig.desk.prefix), keys or [KEY])


async def own_a_coupon(rig: WorkerRig, student: str) -> None:
    batch = await rig.classroom.made_batch()
    (code,) = await made_codes(rig, batch, 1)
    granted(await bind(rig, student, code))


async def erase(rig: WorkerRig) -> None:
    granted(await request_erasure(rig.ledger, ErasureRequest("op", ANN, "asked"), now_ms()))
    erasing = Erasing(StudentEraser(rig.desk.redis, rig.desk.prefix), [KEY])
    await drive_jobs(rig.stores, {JobKind.ERASE: erasing}, now_ms())


async def owners(rig: WorkerRig) -> set[str]:
    async with rig.ledger.read() as conn:
        return set(await conn.scalars(select(tables.coupons.c.student)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_student_of_an_older_copy_is_erased_again(
    flushable_rig: WorkerRig, tmp_path: Path
) -> None:
    rig = flushable_rig
    await own_a_coupon(rig, ANN)
    await rig.ledger.vacuum([])  # the log is empty: the file is the whole copy
    shutil.copy(tmp_path / "ledger.db", tmp_path / "older.db")
    await erase(rig)
    (pseudonym,) = await owners(rig)

    older = make_rig(Ledger.connect(f"sqlite:///{tmp_path / 'older.db'}"), rig.desk)
    (found,) = await checks(older).find()
    assert (found.kind, found.student) == (FindingKind.ERASED_STUDENT_BACK, pseudonym)
    (done,) = await checks(older).repair()

    assert done.is_done
    assert await owners(older) == {pseudonym}
    assert await tables_naming(older.ledger, ANN) == []
    assert await checks(older).find() == []
    await older.ledger.close()


async def test_who_comes_back_by_themselves_is_a_new_student(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    await own_a_coupon(rig, ANN)
    await erase(rig)
    await own_a_coupon(rig, ANN)
    await own_a_coupon(rig, "bob")

    assert await checks(rig).find() == []


async def test_an_erasure_whose_secret_is_gone_is_said(flushable_rig: WorkerRig) -> None:
    rig = flushable_rig
    await own_a_coupon(rig, ANN)
    await erase(rig)

    (found,) = await checks(rig, key_of("another")).find()

    assert found.kind is FindingKind.ERASURES_UNTOLD
