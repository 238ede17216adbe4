"""Two accounts of one person become one: coupons move, used slots add up, orders keep their story."""

import pytest
from sqlalchemy import select

from server.core.audiences.students import StudentForm
from server.core.coupons.issuances import IssuanceState
from server.core.drops.claims import Outcome
from server.core.ids import StudentId
from server.core.jobs import Job, JobKind, JobState
from server.core.refusals import Code, Refused
from server.flows.audiences.students import upsert_students
from server.flows.consistency.checks.issuance_checks import check_issuances
from server.flows.coupons.issuing import issuances
from server.flows.coupons.wallet import WalletQuery, show_wallet
from server.flows.jobs import drive_jobs, find_job
from server.flows.stores import Stores
from server.flows.students.merge import merge_student, request_merge
from server.ledger.coupons import holder_slots
from server.ledger.drops import claims
from server.ledger.tables import acts, jobs
from tests.support.builders.classroom import granted, now_ms, refused
from tests.support.builders.issuances import asked, found, parts_of, worked
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

ANN, OLD = StudentId("ann"), StudentId("ann_old")
NOTHING_MORE = dict.fromkeys(("offers", "offers_ended", "tasks", "entries", "under_way"), 0)


def stores_of(rig: WorkerRig) -> Stores:
    return rig.classroom.stores


async def merged(rig: WorkerRig) -> Job:
    """Merge the old account into Ann's; return the job as it is then."""
    await told_of(rig, OLD, ANN)
    job = granted(await request_merge(rig.ledger, "olga", OLD, ANN, now_ms()))
    await drive_jobs(stores_of(rig), {JobKind.MERGE: merge_student}, now_ms())
    return granted(await find_job(rig.ledger, job.id))


async def told_of(rig: WorkerRig, *students: StudentId) -> None:
    """The school tells of these accounts."""
    forms = [StudentForm(student) for student in students]
    granted(await upsert_students(rig.ledger, forms, now_ms()))


async def wallet(rig: WorkerRig, student: StudentId) -> set[str]:
    found = await show_wallet(rig.ledger, WalletQuery(student), now_ms())
    return {coupon.code for coupon in found.coupons}


async def used(rig: WorkerRig, batch_id: str, student: StudentId) -> set[int]:
    async with rig.ledger.read() as conn:
        return set(await claims.used_slots(conn, batch_id, student))


async def test_accounts_that_one_issuance_gave_to_keep_all_their_coupons(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=2)
    await asked(rig, batch, [ANN, OLD])
    await worked(rig)
    before = await wallet(rig, ANN) | await wallet(rig, OLD)
    assert len(before) == 2

    job = await merged(rig)

    assert (job.state, job.report) == (
        JobState.DONE,
        {"coupons": 1, "beyond_limit": 0, "orders": 0} | NOTHING_MORE,
    )
    assert await wallet(rig, ANN) == before
    assert await check_issuances(rig.ledger) == []


async def test_an_undo_leaves_what_a_merge_has_moved(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=2)
    issuance = await asked(rig, batch, [OLD, StudentId("bob")])
    await worked(rig)
    (kept,) = await wallet(rig, OLD)
    await merged(rig)

    granted(await issuances.undo(parts_of(rig), issuance.id, "olga"))
    await worked(rig)

    done = await found(rig, issuance)
    assert (done.state, done.taken_back) == (IssuanceState.UNDONE, 1)
    assert kept in await wallet(rig, ANN)
    assert await check_issuances(rig.ledger) == []


async def test_coupons_move_and_say_so(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=2)
    (code,) = await made_codes(rig, batch, 1)
    granted(await bind(rig, OLD, code, person="p1"))
    drop = await rig.classroom.opened(batch)
    await rig.classroom.won(drop.id, OLD)
    await rig.confirm(drop.id)
    before = await wallet(rig, OLD)

    job = await merged(rig)

    assert (job.state, job.report) == (
        JobState.DONE,
        {"coupons": 2, "beyond_limit": 0, "orders": 0} | NOTHING_MORE,
    )
    assert await wallet(rig, ANN) == before
    assert await wallet(rig, OLD) == set()
    async with rig.ledger.read() as conn:
        told = await conn.execute(select(acts.c.subject).where(acts.c.action == "student.merged"))
        assert list(told.scalars()) == [OLD]
        assert await holder_slots.persons_of(conn, [ANN, OLD]) == {ANN: "p1"}


async def test_used_slots_add_up(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=3)
    first, second = await rig.classroom.opened(batch), await rig.classroom.opened(batch)
    await rig.classroom.won(first.id, OLD)
    await rig.classroom.won(second.id, ANN)
    await rig.confirm(first.id)

    await merged(rig)

    assert await used(rig, batch.id, ANN) == {1, 2}
    third, fourth = await rig.classroom.opened(batch), await rig.classroom.opened(batch)
    assert await rig.classroom.tap(third.id, ANN) is Outcome.WON
    assert await rig.classroom.tap(fourth.id, ANN) is Outcome.LIMIT_REACHED


async def test_the_desk_shows_the_claim_as_the_others(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened()
    await rig.classroom.won(drop.id, OLD)
    await rig.confirm(drop.id)
    await merged(rig)
    assert await rig.classroom.tap(drop.id, ANN) is Outcome.WON  # the same request as the old one's


async def test_what_is_beyond_the_limit_is_kept_and_all_slots_stay_used(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    first, second = await rig.classroom.opened(batch), await rig.classroom.opened(batch)
    await rig.classroom.won(first.id, OLD)
    await rig.classroom.won(second.id, ANN)
    await rig.confirm(first.id)

    job = await merged(rig)

    assert job.report == {"coupons": 1, "beyond_limit": 1, "orders": 0} | NOTHING_MORE
    assert len(await wallet(rig, ANN)) == 2
    third = await rig.classroom.opened(batch)
    assert await rig.classroom.tap(third.id, ANN) is Outcome.LIMIT_REACHED


async def test_twice_is_once(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(per_student=2)
    (code,) = await made_codes(rig, batch, 1)
    granted(await bind(rig, OLD, code))
    await merged(rig)
    job = await merged(rig)
    assert (job.state, job.report) == (
        JobState.DONE,
        {"coupons": 0, "beyond_limit": 0, "orders": 0} | NOTHING_MORE,
    )
    assert await used(rig, batch.id, ANN) == {1}


async def test_an_account_of_which_nothing_is_known_is_not_merged(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    await asked(rig, batch, [OLD])
    await worked(rig)
    nobody = StudentId("nobody")

    into_nobody = refused(await request_merge(rig.ledger, "olga", OLD, nobody, now_ms()))
    of_nobody = refused(await request_merge(rig.ledger, "olga", nobody, OLD, now_ms()))

    for refusal in (into_nobody, of_nobody):
        assert (refusal.code, refusal.facts) == (Code.NOT_FOUND, {"unknown": ["nobody"]})
    assert len(await wallet(rig, OLD)) == 1
    async with rig.ledger.read() as conn:
        assert await conn.scalar(select(jobs.c.id).where(jobs.c.kind == "merge")) is None


async def test_nobody_is_merged_into_themselves_or_into_two(rig: WorkerRig) -> None:
    await told_of(rig, OLD, ANN, StudentId("bob"))
    itself = refused(await request_merge(rig.ledger, "olga", ANN, ANN, now_ms()))
    assert itself.code is Code.INVALID_FIELD
    job = granted(await request_merge(rig.ledger, "olga", OLD, ANN, now_ms()))
    again = granted(await request_merge(rig.ledger, "olga", OLD, ANN, now_ms()))
    assert again.id == job.id
    other = await request_merge(rig.ledger, "olga", OLD, StudentId("bob"), now_ms())
    assert isinstance(other, Refused)
    assert other.code is Code.WRONG_STATE
