"""Erase a student: a pseudonym takes the place of the id everywhere, and sums of money stay (promise I13).

Asked for by an operator (POST /v1/students/{id}/erase), driven as a job. Order, and why:

1. write down the erasure with its pseudonym and a keyed hash of the id: a repetition goes on with the same
   pseudonym, and append-only rows let their names be replaced while it is open;
2. Redis first, then the ledger, table by table, page by page. What was on its way from one to the other
   meanwhile is found by going through both again, until nothing is found;
3. close the erasure; the job's own row loses the id in the same transaction;
4. let Redis and the database write their files anew, because both keep what was deleted for a while.

An order that is being paid refuses the erasure: its payment would come for a student who is not there. A
balance or a rebate that is still due does not: it stays under the pseudonym (decision 0044).
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import now_ms
from server.core.acts import Action
from server.core.event_types import Event, EventType
from server.core.jobs import Job, JobKind
from server.core.refusals import Code, Refused
from server.core.students import erasure as core
from server.desk import DeskUnavailableError
from server.desk.student_eraser import StudentEraser
from server.flows.abort import Abort, returns_refusal
from server.flows.jobs import JobFailedError, JobResult, RunningJob, new_job, request_job
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.students import erase as rows
from server.ledger.students import erasures
from server.ledger.students.erase import Names
from server.ledger.students.erasures import Erasure
from server.ledger.tables import jobs

PASSES: Final = 5
_WAIT_SECONDS: Final = 1.0  # for wins that a worker has not taken from an outbox yet
_WAITS: Final = 30
_RANDOM_BYTES: Final = 12
_LISTED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """An operator's request; `reason` in their own words."""

    actor: str
    student: str
    reason: str
    key: IdempotencyKey | None = None


@returns_refusal
async def request_erasure(ledger: Ledger, wanted: ErasureRequest, now: int) -> Job | Refused:
    """Make the job, or return the one that is open. Refuses with wrong_state while an order is being paid."""
    async with ledger.begin() as conn:
        if await erasures.has_open_order(conn, wanted.student):
            raise Abort(_order_open())
        # A reason is free text, and may repeat the id.
        detail = {"reason": wanted.reason.replace(wanted.student, "…")}
        job = new_job(JobKind.ERASE, wanted.student, wanted.actor, now, detail)
        return await request_job(conn, job, wanted.key)


def _order_open() -> Refused:
    return Refused(Code.WRONG_STATE, "an order of this student is being paid; try again later")


@dataclass(frozen=True, slots=True)
class Erasing:
    """The handler of jobs that erase. `keys`: of the hashes, the newest first."""

    eraser: StudentEraser
    keys: Sequence[bytes]

    async def __call__(self, running: RunningJob) -> JobResult:
        """Erase the student of the job; return what was changed where. Repeatable."""
        job, ledger = running.job, running.stores.ledger
        counts: dict[str, int] = {}
        if not core.is_pseudonym(job.subject):
            counts = await self._replace_everywhere(running)
        running.progress = 90
        files = await self.eraser.rewrite_files()
        is_vacuumed = await ledger.vacuum(
            rows.changed_tables(counts) or rows.tables_with_students()
        )
        return JobResult(
            {"changed": counts, "redis_files": files.value, "database_file": is_vacuumed}
        )

    async def _replace_everywhere(self, running: RunningJob) -> dict[str, int]:
        job, ledger = running.job, running.stores.ledger
        async with ledger.begin() as conn:
            if await erasures.has_open_order(conn, job.subject):
                raise JobFailedError(Code.WRONG_STATE)
            record = await self._record(conn, job)
        running.progress = 10
        names = Names(job.subject, record.pseudonym)
        counts = await _replace(ledger, self.eraser, names)
        now = now_ms()
        await self.eraser.remember(record.pseudonym, asdict(replace(record, done_at=now)))
        async with ledger.begin() as conn:
            await _close(conn, job, record, now)
        return counts

    async def _record(self, conn: AsyncConnection, job: Job) -> Erasure:
        earlier = await erasures.find_open(conn, self.keys, job.subject)
        if earlier is not None:
            return earlier
        key = self.keys[0]
        record = Erasure(
            id=new_id("era"),
            student_hash=core.keyed_hash(key, job.subject),
            key_name=core.key_name(key),
            pseudonym=core.pseudonym(secrets.token_hex(_RANDOM_BYTES)),
            asked_by=job.created_by,
            asked_at=job.created_at,
        )
        await erasures.insert_erasure(conn, record)
        return record


async def erase_again(
    stores: Stores, eraser: StudentEraser, student: str, erasure: Erasure
) -> None:
    """Replace a student who was erased before, and is back, by the same pseudonym. Repeatable."""
    ledger = stores.ledger
    async with ledger.begin() as conn:
        await erasures.open_again(conn, erasure)
    counts = await _replace(ledger, eraser, Names(student, erasure.pseudonym))
    async with ledger.begin() as conn:
        of_student = update(jobs).where(jobs.c.subject == student)
        await conn.execute(of_student.values(subject=erasure.pseudonym))
        await erasures.mark_done(conn, erasure.id, erasure.done_at or now_ms())
    await eraser.rewrite_files()
    await ledger.vacuum(rows.changed_tables(counts))


async def remembered_erasures(ledger: Ledger, eraser: StudentEraser) -> list[Erasure]:
    """Return the list of erasures: those of the ledger, and those that only Redis has kept."""
    known: dict[str, Erasure] = {}
    after = ""
    while True:
        async with ledger.read() as conn:
            page = await erasures.all_erasures(conn, after, _LISTED_AT_ONCE)
        known |= {each.pseudonym: each for each in page}
        if len(page) < _LISTED_AT_ONCE:
            break
        after = page[-1].id
    for line in await eraser.remembered():
        kept = Erasure(**line)
        if kept.pseudonym not in known or known[kept.pseudonym].done_at is None:
            known[kept.pseudonym] = kept
    return sorted(known.values(), key=lambda each: each.done_at or 0)


async def _replace(ledger: Ledger, eraser: StudentEraser, names: Names) -> dict[str, int]:
    """Go through Redis and all tables until nothing is found; return what was changed where."""
    counts: dict[str, int] = {}
    for _ in range(PASSES):
        found = {"redis": await _erase_from_redis(eraser, names)}
        async with ledger.begin() as conn:
            found["requests"] = await rows.forget_requests(conn, names.student)
        for name in rows.tables_with_students():
            found[name] = await rows.erase_from(ledger, name, names)
        for name, count in found.items():
            counts[name] = counts.get(name, 0) + count
        if not any(found.values()):
            break
    return counts


async def _erase_from_redis(eraser: StudentEraser, names: Names) -> int:
    changed = 0
    for _ in range(_WAITS):
        done = await eraser.erase(names.student, names.pseudonym)
        changed += done.changed
        if not done.waiting:
            return changed
        await asyncio.sleep(_WAIT_SECONDS)  # a worker moves them within seconds
    raise DeskUnavailableError("wins or entries of the student are not in the ledger yet")


async def _close(conn: AsyncConnection, job: Job, record: Erasure, now: int) -> None:
    """Close the erasure, tell of it, and take the id out of all jobs: until now ours had to keep it."""
    of_student = update(jobs).where(jobs.c.subject == job.subject)
    await conn.execute(of_student.values(subject=record.pseudonym))
    await erasures.mark_done(conn, record.id, now)
    await acts.write_act(
        conn, job.created_by, Action.STUDENT_ERASED, record.pseudonym, now, **_told(job.detail)
    )
    data: dict[str, object] = {"pseudonym": record.pseudonym, "student_hash": record.student_hash}
    await event_log.record(conn, [Event(EventType.STUDENT_ERASED, now, record.pseudonym, data)])


def _told(detail: Mapping[str, object]) -> dict[str, object]:
    return {"reason": detail.get("reason", "")}
