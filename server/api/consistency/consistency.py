"""/v1/consistency: have everything compared that desk and ledger say of one another, and repaired.

For operators; finance may read. A worker does it as a job (flows/consistency/examine.py); a web process
reads the result alone.
"""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.fields import Body, Message, Moment, ResponseModel, absent
from server.api.students.jobs import JobResponse, accepted, job_response
from server.core.jobs import Job, JobKind
from server.core.refusals import Refused, invalid_field
from server.flows.consistency import examine as flows
from server.flows.consistency.findings import FindingKind


class ExamineBody(Body):
    """`repair`: mend what can be mended without that anybody loses something; needs a `reason`."""

    repair: bool = False
    reason: Message = ""


class LookedAtResponse(ResponseModel):
    drops: int
    open_drops: int
    batches: int


class FindingResponse(ResponseModel):
    """A fault: `what` in words, `todo` what mends it, `can_repair` whether a repair does. The other fields
    name what it is about."""

    kind: FindingKind
    what: str
    todo: str
    can_repair: bool
    drop: str | None = absent()
    room: str | None = absent()
    student: str | None = absent()
    unit: int | None = absent()
    claim: str | None = absent()
    coupon: str | None = absent()
    batch: str | None = absent()
    shard: int | None = absent()
    at: str | None = absent()
    campaign: str | None = absent()
    issuance: str | None = absent()
    trigger: str | None = absent()
    lottery: str | None = absent()
    order: str | None = absent()
    day: str | None = absent()


class RepairResponse(ResponseModel):
    """`done` false: nothing was changed, and `what` says why."""

    what: str
    done: bool


class ExaminationResponse(ResponseModel):
    """`findings`: what was wrong after the `repairs`, the first 20 of a kind; `counts` has all, by kind."""

    job_id: str
    kind: JobKind
    asked_by: str
    reason: str
    done_at: Moment
    ok: bool
    looked_at: LookedAtResponse
    findings: list[FindingResponse]
    counts: Annotated[dict[str, int], Field(description="findings by kind")]
    repairs: list[RepairResponse]
    repairs_total: int


class ConsistencyResponse(ResponseModel):
    """`job`: the newest, without its report. `latest`: the result of the newest that is done."""

    job: JobResponse | None
    latest: ExaminationResponse | None


async def create(
    deps: ApiDependencies, request: ApiRequest[ExamineBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    if body.repair and not body.reason.strip():
        return invalid_field("reason", "missing")
    form = flows.ExamineForm(request.identity.subject, body.repair, body.reason, request.key)
    job = await flows.request_examination(deps.ledger, form, request.now)
    return job if isinstance(job, Refused) else accepted(job)


async def show(deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]) -> ApiResponse:
    newest = await flows.newest_examinations(deps.ledger)
    return ApiResponse(
        ConsistencyResponse(
            job=None if newest.job is None else job_response(replace(newest.job, report=None)),
            latest=None if newest.done is None else _examination(newest.done),
        )
    )


def _examination(job: Job) -> ExaminationResponse:
    report: dict[str, Any] = dict(job.report or {})
    return ExaminationResponse(
        job_id=job.id,
        kind=job.kind,
        asked_by=job.created_by,
        reason=str(job.detail.get("reason", "")),
        done_at=job.done_at or job.created_at,
        **report,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/consistency",
        rule=auth.OPERATOR,
        handler=create,
        body=ExamineBody,
        response=JobResponse,
        status=202,
        is_create=True,
        summary="Have a worker look for faults of desk and ledger, and repair them if asked to",
    ),
    Endpoint(
        method="GET",
        path="/v1/consistency",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=ConsistencyResponse,
        summary="Get what the newest look for faults has found",
    ),
)
