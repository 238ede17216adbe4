"""Make jobs, and drive them: work that goes on after the request that asked for it.

Made by flows of students; driven by workers, any number of them, with the handlers that the worker's table
names (worker/jobs/upkeep_jobs.py). One worker at a time has a job, by a lease that it keeps while it
works. If it dies, another takes the job over once the lease is over, and its handler begins anew: every
handler may be repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.core.jobs import Job, JobKind, JobState
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.flows.idempotency import find_previous_result
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger import jobs as rows
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.jobs import JobFile

LEASE_MS: Final = 30_000
KEEP_SECONDS: Final = 5.0
RETRY_MS: Final = 5_000
MAX_ATTEMPTS: Final = 5
AT_ONCE: Final = 4  # jobs that one round of a worker drives, one after another
_log = structlog.get_logger()


class JobFailedError(Exception):
    """A handler gives its job up for good. `code`: why, in the words of the contract."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _LeaseLostError(Exception):
    """The lease ended while we worked, and another worker took the job."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """The result of a job: what was done, as JSON values, and a file where it made one."""

    report: Mapping[str, object] = field(default_factory=dict)
    file: JobFile | None = None


@dataclass(slots=True)
class RunningJob:
    """A job as its handler sees it. `progress`: set it to a percentage; it is written down now and then."""

    job: Job
    stores: Stores
    progress: int | None = None


Handler = Callable[[RunningJob], Coroutine[object, object, JobResult]]


async def request_job(conn: AsyncConnection, job: Job, key: IdempotencyKey | None = None) -> Job:
    """Insert the job, and return it. Where one of its kind is open for its subject, or an earlier request had
    this key, return that one instead.
    """
    repeated = await find_previous_result(conn, key, job.id, job.created_at)
    earlier = None if repeated is None else await rows.find_job(conn, repeated)
    earlier = earlier or await rows.open_job(conn, job.kind, job.subject)
    if earlier is None:
        await rows.insert_job(conn, job)
    return earlier or job


def new_job(
    kind: JobKind, subject: str, actor: str, now: int, detail: Mapping[str, object] | None = None
) -> Job:
    """Return a job that is not stored yet."""
    return Job(new_id("job"), kind, subject, actor, now, detail or {})


async def find_job(ledger: Ledger, job_id: str) -> Job | Refused:
    """Return the job; not_found."""
    async with ledger.read() as conn:
        return await rows.find_job(conn, job_id) or Refused(Code.NOT_FOUND)


async def read_file(ledger: Ledger, job_id: str, now: int) -> JobFile | Refused:
    """Return name and type of the file that the job made; not_found where there is none (any more)."""
    async with ledger.read() as conn:
        return await rows.file_head(conn, job_id, now) or Refused(Code.NOT_FOUND)


async def file_pieces(ledger: Ledger, job_id: str) -> AsyncIterator[bytes]:
    """Yield the bytes of the job's file. Each piece is a read transaction of its own."""
    number = 0
    while True:
        async with ledger.read() as conn:
            piece = await rows.file_piece(conn, job_id, number)
        if piece is None:
            return
        yield piece
        number += 1


async def drive_jobs(stores: Stores, handlers: Mapping[JobKind, Handler], now: int) -> int:
    """Drive jobs that nobody drives; return how many were taken. Any number of workers may call it."""
    async with stores.ledger.read() as conn:
        waiting = await rows.due_jobs(conn, now, AT_ONCE)
    taken = 0
    # A kind without a handler is left to a worker of the version that knows it.
    for job in [each for each in waiting if each.kind in handlers]:
        async with stores.ledger.begin() as conn:
            is_ours = await rows.take(conn, job, now_ms(), now_ms() + LEASE_MS)
        if is_ours:
            taken += 1
            mine = replace(job, state=JobState.RUNNING, attempts=job.attempts + 1)
            await _drive(RunningJob(mine, stores), handlers[job.kind])
    return taken


async def _drive(running: RunningJob, handler: Handler) -> None:
    job, ledger = running.job, running.stores.ledger
    try:
        result = await _with_lease(running, handler)
        async with ledger.begin() as conn:
            await rows.finish(conn, job, result.report, result.file, now_ms())
    except JobFailedError as failed:
        async with ledger.begin() as conn:
            await rows.fail(conn, job, failed.code, now_ms())
    except _LeaseLostError:
        _log.warning("job_lost", job=job.id, kind=job.kind)
    except (DeskUnavailableError, LedgerUnavailableError) as error:
        # No attempt of the handler's: what the job needs is away. Its lease ends by itself.
        _log.warning("job_waits", job=job.id, kind=job.kind, error=str(error))
    except Exception:
        _log.exception("job_failed", job=job.id, kind=job.kind, attempt=job.attempts)
        await _try_again(ledger, job)


async def _try_again(ledger: Ledger, job: Job) -> None:
    async with ledger.begin() as conn:
        if job.attempts >= MAX_ATTEMPTS:
            await rows.fail(conn, job, Code.INTERNAL, now_ms())
        else:
            await rows.release(conn, job, now_ms() + RETRY_MS * job.attempts)


async def _with_lease(running: RunningJob, handler: Handler) -> JobResult:
    """Run the handler, and keep the lease meanwhile. _LeaseLostError: another worker has the job."""
    work = asyncio.ensure_future(handler(running))
    keeper = asyncio.create_task(_keep_lease(running, work))
    try:
        return await work
    except asyncio.CancelledError:
        if keeper.done() and not keeper.cancelled():
            raise _LeaseLostError from None
        raise
    finally:
        keeper.cancel()


async def _keep_lease(running: RunningJob, work: asyncio.Future[JobResult]) -> None:
    """Make the lease later every few seconds; cancel the work and end where it is lost."""
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        try:
            async with running.stores.ledger.begin() as conn:
                until = now_ms() + LEASE_MS
                is_ours = await rows.keep(conn, running.job, until, running.progress)
        except LedgerUnavailableError:
            continue  # the next one may come in time
        if not is_ours:
            work.cancel()
            return
