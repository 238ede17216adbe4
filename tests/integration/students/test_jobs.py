"""Jobs are driven by one worker at a time, tried again, and keep their file until its end; on both
databases.
"""

import asyncio

import pytest
from sqlalchemy import update

from server.core.jobs import Job, JobKind, JobState
from server.flows import jobs as flows
from server.flows.jobs import (
    JobFailedError,
    JobResult,
    RunningJob,
    drive_jobs,
    new_job,
    request_job,
)
from server.ledger import jobs as rows
from server.ledger import tables
from server.ledger.jobs import RESULT_KEPT_MS, JobFile
from tests.support.builders.classroom import granted, now_ms, refused
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio
ZIP = "application/zip"


async def asked(rig: WorkerRig, student: str = "ann") -> Job:
    async with rig.ledger.begin() as conn:
        return await request_job(conn, new_job(JobKind.EXPORT, student, "op", now_ms()))


async def drive(rig: WorkerRig, handler: flows.Handler, now: int | None = None) -> int:
    return await drive_jobs(rig.stores, {JobKind.EXPORT: handler}, now or now_ms())


async def found(rig: WorkerRig, job: Job) -> Job:
    return granted(await flows.find_job(rig.ledger, job.id))


async def reporting(running: RunningJob) -> JobResult:
    return JobResult({"student": running.job.subject})


async def test_a_job_is_done_with_its_report(rig: WorkerRig) -> None:
    job = await asked(rig)

    assert (await found(rig, job)).state is JobState.QUEUED
    assert await drive(rig, reporting) == 1

    done = await found(rig, job)
    assert (done.state, done.report, done.progress) == (JobState.DONE, {"student": "ann"}, 100)
    assert await drive(rig, reporting) == 0


async def test_a_second_request_meanwhile_is_the_same_job(rig: WorkerRig) -> None:
    first = await asked(rig)

    assert (await asked(rig)).id == first.id
    assert (await asked(rig, "bob")).id != first.id
    await drive(rig, reporting)
    assert (await asked(rig)).id != first.id


async def test_of_workers_at_once_one_drives_a_job(rig: WorkerRig) -> None:
    await asked(rig)
    count = 0

    async def counting(_: RunningJob) -> JobResult:
        nonlocal count
        count += 1
        return JobResult()

    taken = await asyncio.gather(*(drive(rig, counting) for _ in range(4)))

    assert (sum(taken), count) == (1, 1)


async def test_a_refused_job_fails_with_its_code(rig: WorkerRig) -> None:
    job = await asked(rig)

    async def refusing(_: RunningJob) -> JobResult:
        raise JobFailedError("wrong_state")

    await drive(rig, refusing)

    failed = await found(rig, job)
    assert (failed.state, failed.error) == (JobState.FAILED, "wrong_state")


async def test_a_job_that_breaks_is_tried_again_and_given_up_after_five(rig: WorkerRig) -> None:
    job = await asked(rig)

    async def broken(_: RunningJob) -> JobResult:
        raise ZeroDivisionError

    for _ in range(5):
        assert await drive(rig, broken) == 1
        assert await drive(rig, broken) == 0  # not at once
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.jobs).values(lease_until=0))

    failed = await found(rig, job)
    assert (failed.state, failed.error) == (JobState.FAILED, "internal")


async def test_a_job_whose_worker_died_is_driven_by_another(rig: WorkerRig) -> None:
    job = await asked(rig)
    async with rig.ledger.begin() as conn:
        assert await rows.take(conn, job, now_ms(), now_ms() + 30_000)

    assert await drive(rig, reporting) == 0
    async with rig.ledger.begin() as conn:
        await conn.execute(update(tables.jobs).values(lease_until=now_ms() - 1))
    assert await drive(rig, reporting) == 1


async def test_who_lost_the_lease_writes_nothing(rig: WorkerRig) -> None:
    job = await asked(rig)

    async def slow(running: RunningJob) -> JobResult:
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.jobs).values(attempts=running.job.attempts + 1))
        return JobResult({"by": "the first"})

    await drive(rig, slow)

    assert (await found(rig, job)).report is None


async def test_the_file_of_a_job_can_be_fetched_until_its_end(rig: WorkerRig) -> None:
    job = await asked(rig)
    content = bytes(range(256)) * 3_000

    async def making(_: RunningJob) -> JobResult:
        return JobResult(file=JobFile("ann.zip", ZIP, content))

    await drive(rig, making)

    head = granted(await flows.read_file(rig.ledger, job.id, now_ms()))
    pieces = [piece async for piece in flows.file_pieces(rig.ledger, job.id)]
    assert (head.name, head.media_type, b"".join(pieces)) == ("ann.zip", ZIP, content)

    later = now_ms() + RESULT_KEPT_MS
    refused(await flows.read_file(rig.ledger, job.id, later))
    async with rig.ledger.begin() as conn:
        await rows.delete_old(conn, later)
    assert [piece async for piece in flows.file_pieces(rig.ledger, job.id)] == []
