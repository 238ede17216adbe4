"""Jobs as rows: made, taken by one worker at a time, finished, with the file that they made.

Called by flows/jobs.py and by the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.jobs import Job, JobKind, JobState
from server.ledger.tables import job_files, jobs

KEPT_MS: Final = 30 * 24 * 3600 * 1000
RESULT_KEPT_MS: Final = 24 * 3600 * 1000
_PIECE: Final = 256 * 1024
_rows = jobs.c
_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)


async def insert_job(conn: AsyncConnection, job: Job) -> None:
    """Insert a job; a worker drives it within a second."""
    values: dict[str, object] = {
        "id": job.id,
        "kind": job.kind.value,
        "subject": job.subject,
        "detail": dict(job.detail),
        "state": job.state.value,
        "created_by": job.created_by,
        "created_at": job.created_at,
    }
    await conn.execute(insert(jobs).values(values))


async def find_job(conn: AsyncConnection, job_id: str) -> Job | None:
    row = (await conn.execute(select(*_JOB).where(_rows.id == job_id))).first()
    return _job(row._mapping) if row else None


async def open_job(conn: AsyncConnection, kind: JobKind, subject: str) -> Job | None:
    """Return the job of this kind for this subject that is not done yet, if there is one."""
    query = select(*_JOB).where(
        _rows.subject == subject, _rows.kind == kind.value, _rows.state.in_(_OPEN)
    )
    row = (await conn.execute(query.limit(1))).first()
    return _job(row._mapping) if row else None


async def jobs_of(conn: AsyncConnection, subject: str, limit: int) -> list[Job]:
    """Return the latest jobs for this subject, newest first."""
    query = select(*_JOB).where(_rows.subject == subject).order_by(_rows.id.desc()).limit(limit)
    return [_job(row._mapping) for row in await conn.execute(query)]


async def due_jobs(conn: AsyncConnection, now: int, limit: int) -> list[Job]:
    """Return jobs that nobody drives, longest waiting first."""
    is_open = text("jobs.state IN ('queued','running')")  # written out, for the partial index
    query = select(*_JOB).where(is_open, _rows.lease_until <= now)
    found = await conn.execute(query.order_by(_rows.lease_until, _rows.id).limit(limit))
    return [_job(row._mapping) for row in found]


async def take(conn: AsyncConnection, job: Job, now: int, until: int) -> bool:
    """Take the job until `until` (ms). False: another worker has it, or it is over."""
    taken = await conn.execute(
        update(jobs)
        .where(_rows.id == job.id, _rows.lease_until <= now, _rows.state.in_(_OPEN))
        .values(state=JobState.RUNNING.value, lease_until=until, attempts=job.attempts + 1)
    )
    return taken.rowcount == 1


async def keep(conn: AsyncConnection, job: Job, until: int, progress: int | None) -> bool:
    """Make the lease of a job that we drive later. False: it is ours no more."""
    values: dict[str, object] = {"lease_until": until}
    if progress is not None:
        values["progress"] = progress
    kept = await conn.execute(update(jobs).where(_is_ours(job)).values(values))
    return kept.rowcount == 1


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file that a job made."""

    name: str
    media_type: str
    bytes: bytes


async def finish(
    conn: AsyncConnection,
    job: Job,
    report: Mapping[str, object],
    file: JobFile | None,
    now: int,
) -> bool:
    """Write down that the job is done. False: it is ours no more, and nothing was written."""
    values: dict[str, object] = {
        "state": JobState.DONE.value,
        "report": dict(report),
        "progress": 100,
        "done_at": now,
        "error": None,
    }
    if file is not None:
        values |= {
            "result_name": file.name,
            "result_type": file.media_type,
            "result_until": now + RESULT_KEPT_MS,
        }
    done = await conn.execute(update(jobs).where(_is_ours(job)).values(values))
    if done.rowcount == 1 and file is not None:
        await _insert_file(conn, job.id, file.bytes)
    return done.rowcount == 1


async def _insert_file(conn: AsyncConnection, job_id: str, content: bytes) -> None:
    pieces = [content[start : start + _PIECE] for start in range(0, len(content), _PIECE)]
    rows = [
        {"job_id": job_id, "number": number, "bytes": piece} for number, piece in enumerate(pieces)
    ]
    await conn.execute(delete(job_files).where(job_files.c.job_id == job_id))
    if rows:
        await conn.execute(insert(job_files), rows)


async def fail(conn: AsyncConnection, job: Job, error: str, now: int) -> None:
    """Write down that the job failed for good."""
    values = {"state": JobState.FAILED.value, "error": error, "done_at": now}
    await conn.execute(update(jobs).where(_is_ours(job)).values(values))


async def release(conn: AsyncConnection, job: Job, at: int) -> None:
    """Let the job be tried again from `at` (ms) on."""
    await conn.execute(update(jobs).where(_is_ours(job)).values(lease_until=at))


async def file_head(conn: AsyncConnection, job_id: str, now: int) -> JobFile | None:
    """Return name and type of the job's file, without its bytes; None where there is none any more."""
    query = select(_rows.result_name, _rows.result_type).where(
        _rows.id == job_id, _rows.result_until > now
    )
    row = (await conn.execute(query)).first()
    return JobFile(row[0], row[1], b"") if row else None


async def file_piece(conn: AsyncConnection, job_id: str, number: int) -> bytes | None:
    """Return one piece of the job's file; None behind the last one."""
    query = select(job_files.c.bytes).where(
        job_files.c.job_id == job_id, job_files.c.number == number
    )
    found: bytes | None = await conn.scalar(query)
    return found


async def delete_old(conn: AsyncConnection, now: int) -> None:
    """Delete files whose time is over, and jobs that were done more than 30 days ago."""
    over = select(_rows.id).where(_rows.result_until <= now)
    await conn.execute(delete(job_files).where(job_files.c.job_id.in_(over)))
    await conn.execute(update(jobs).where(_rows.result_until <= now).values(result_until=None))
    await conn.execute(delete(jobs).where(_rows.done_at <= now - KEPT_MS))


def _is_ours(job: Job) -> ColumnElement[bool]:
    """Return the condition that the job was not taken by another worker since: attempts count that up."""
    return (_rows.id == job.id) & (_rows.attempts == job.attempts) & _rows.state.in_(_OPEN)


_JOB = tuple(
    _rows[name]
    for name in (
        *("id", "kind", "subject", "created_by", "created_at", "detail", "state", "attempts"),
        *("progress", "report", "error", "done_at", "result_until"),
    )
)


def _job(row: Mapping[Any, Any]) -> Job:
    fields = dict(row)
    return Job(**fields | {"kind": JobKind(fields["kind"]), "state": JobState(fields["state"])})
