"""Look for faults and repair them in one go, and keep what was found as the report of a job.

Called by commands/doctor.py, and by a worker for jobs that operators ask for at POST /v1/consistency. What
is kept names students in one field alone, which an erasure replaces (promise I13): never in words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from server.core import instants
from server.core.acts import Action
from server.core.jobs import Job, JobKind, JobState
from server.core.refusals import Refused
from server.desk.shards.desk_audit import DeskAudit
from server.flows.abort import returns_refusal
from server.flows.consistency.checks.erasure_checks import ErasureChecks
from server.flows.consistency.doctor import DiagnosisSize, diagnose, read_size
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.consistency.repair import Repairer
from server.flows.jobs import new_job, request_job
from server.ledger import acts
from server.ledger import jobs as rows
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey

SUBJECT: Final = "@consistency"  # of the jobs: no student's id can have an @
KEPT_OF_A_KIND: Final = 20  # findings of one kind that a report holds; it counts the others
KEPT_REPAIRS: Final = 200
_NEWEST: Final = 20  # jobs among which the newest result is looked for
_REPAIRED_STUDENT = re.compile(
    r"\bstudent [A-Za-z0-9_.:-]{1,64}(?= (?:\(drop|has|was)|: the claim|: the ledger)"
)


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run. `findings`: what is wrong after the repairs."""

    looked_at: DiagnosisSize
    findings: Sequence[Finding]
    repairs: Sequence[Repair]

    @property
    def is_well(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Examiner:
    """All checks and all repairs. Several may run at the same time, beside the whole service."""

    ledger: Ledger
    desk: DeskAudit
    repairer: Repairer
    erasures: ErasureChecks

    async def examine(self, weak: Sequence[Finding], now: int, *, repair: bool) -> Report:
        """Return what is wrong, `weak` (of Redis' settings) first; where `repair`, what is wrong after it.

        Repeatable. DeskUnavailableError and LedgerUnavailableError are passed on: then nothing is known.
        """
        found = await diagnose(self.ledger, self.desk, now)
        repairs: list[Repair] = []
        if repair and found:
            repairs = await self.repairer.repair(found, now)
            found = await diagnose(self.ledger, self.desk, now)
        back = await self.erasures.find()
        if repair and any(one.kind is FindingKind.ERASED_STUDENT_BACK for one in back):
            repairs += await self.erasures.repair()
            back = await self.erasures.find()
        return Report(await read_size(self.ledger), [*weak, *found, *back], repairs)


@dataclass(frozen=True, slots=True)
class ExamineForm:
    """An operator's wish. `reason` is kept in the log of acts where something is repaired."""

    actor: str
    repair: bool
    reason: str
    key: IdempotencyKey | None = None


@returns_refusal
async def request_examination(ledger: Ledger, form: ExamineForm, now: int) -> Job | Refused:
    """Make the job, or return the one of its kind that is open. That a repair was asked for is an act."""
    kind = JobKind.REPAIR if form.repair else JobKind.CHECK
    async with ledger.begin() as conn:
        wanted = new_job(kind, SUBJECT, form.actor, now, {"reason": form.reason})
        job = await request_job(conn, wanted, form.key)
        if job is wanted and form.repair:
            told: dict[str, object] = {"job": job.id, "reason": form.reason}
            action = Action.CONSISTENCY_REPAIRED
            await acts.write_act(conn, form.actor, action, job.id, now, **told)
        return job


@dataclass(frozen=True, slots=True)
class Examinations:
    """The newest job of either kind, and the newest that is done; None where there is none."""

    job: Job | None
    done: Job | None


async def newest_examinations(ledger: Ledger) -> Examinations:
    """Return what the newest jobs have found. They are kept for 30 days."""
    async with ledger.read() as conn:
        newest = await rows.jobs_of(conn, SUBJECT, _NEWEST)
    done = next((each for each in newest if each.state is JobState.DONE), None)
    return Examinations(newest[0] if newest else None, done)


def report_json(report: Report) -> dict[str, object]:
    """Return the report as JSON values, bounded, and with a student's id in no text."""
    kept, counts = [], dict[FindingKind, int]()
    for one in report.findings:
        counts[one.kind] = counts.get(one.kind, 0) + 1
        if counts[one.kind] <= KEPT_OF_A_KIND:
            kept.append(_finding_json(one))
    repairs = [
        {"what": _REPAIRED_STUDENT.sub("a student", one.what), "done": one.is_done}
        for one in report.repairs[:KEPT_REPAIRS]
    ]
    return {
        "ok": report.is_well,
        "looked_at": asdict(report.looked_at),
        "findings": kept,
        "counts": {kind.value: count for kind, count in counts.items()},
        "repairs": repairs,
        "repairs_total": len(report.repairs),
    }


def _finding_json(finding: Finding) -> Mapping[str, object]:
    fields = {name: value for name, value in asdict(finding).items() if value is not None}
    fields.pop("error", None)  # the words of a database may repeat anything
    fields["what"] = _without_student(finding)
    fields["todo"] = finding.todo.replace("--repair", "a repair")
    fields["can_repair"] = finding.can_repair
    if finding.at is not None:
        fields["at"] = instants.to_text(finding.at)
    return fields


def _without_student(finding: Finding) -> str:
    what = finding.what
    if finding.error:
        what = what.replace(f": {finding.error}", "")
    if finding.student is None:
        return what
    alone = rf"(?<![A-Za-z0-9_.:-]){re.escape(finding.student)}(?![A-Za-z0-9_-])"
    return re.sub(rf"student {alone}|{alone}", "a student", what)
