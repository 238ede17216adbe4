"""Export everything that is kept of a student: a ZIP with JSON for programs and a page for people.

Asked for by an operator (POST /v1/students/{id}/export), driven as a job; the file can be fetched for a day.
Rows are read page by page; the ZIP is made in a thread, because it takes longer than the event loop may.
"""

import asyncio
import io
import zipfile
from collections.abc import Mapping
from typing import Final

import orjson

from server.clock import now_ms
from server.core.acts import Action
from server.core.instants import to_text
from server.core.jobs import Job, JobKind
from server.core.refusals import Refused
from server.core.students.export_page import Rows, page
from server.flows.abort import returns_refusal
from server.flows.jobs import JobFailedError, JobResult, RunningJob, new_job, request_job
from server.ledger import acts
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.jobs import JobFile
from server.ledger.students import export as rows

MAX_ROWS: Final = 200_000  # of one student; beyond that a program repeats itself
ZIP: Final = "application/zip"


@returns_refusal
async def request_export(
    ledger: Ledger, actor: str, student: str, key: IdempotencyKey | None, now: int
) -> Job | Refused:
    """Make the job, or return the one that is open. That it was asked for is an act."""
    async with ledger.begin() as conn:
        wanted = new_job(JobKind.EXPORT, student, actor, now)
        job = await request_job(conn, wanted, key)
        if job is wanted:
            await acts.write_act(conn, actor, Action.STUDENT_EXPORTED, student, now, job=job.id)
        return job


async def export_student(running: RunningJob) -> JobResult:
    """Read all rows of the job's student and return them as a ZIP. Repeatable."""
    student = running.job.subject
    tables: dict[str, list[Mapping[str, object]]] = {}
    count = 0
    async for name, found in rows.pages_of(running.stores.ledger, student):
        tables.setdefault(name, []).extend(found)
        count += len(found)
        if count > MAX_ROWS:
            raise JobFailedError("too_large")
    made_at = to_text(now_ms())
    content = await asyncio.to_thread(_zip, student, made_at, tables)
    counts = {name: len(found) for name, found in tables.items() if found}
    return JobResult({"rows": counts}, JobFile(f"student-{running.job.id}.zip", ZIP, content))


def _zip(student: str, made_at: str, tables: Mapping[str, Rows]) -> bytes:
    told = {"student": student, "made_at": made_at, "tables": tables}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("student.json", orjson.dumps(told, option=orjson.OPT_INDENT_2))
        archive.writestr("student.html", page(student, made_at, tables))
    return buffer.getvalue()
