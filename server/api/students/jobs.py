"""/v1/jobs/{id}: how far a job is, and the file that it made. For operators."""

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
    StreamedResponse,
    respond,
)
from server.api.http.fields import Moment, ResponseModel, absent
from server.core.jobs import Job, JobKind, JobState
from server.core.refusals import Refused
from server.flows import jobs

ZIP = "application/zip"


class JobResponse(ResponseModel):
    """`progress` is a percentage. `report`: what was done. `result_url` leads to the file that it made, until
    `result_until`. `error`: the code of what made it fail."""

    id: str
    kind: JobKind
    state: JobState
    subject: str
    created_by: str
    created_at: Moment
    done_at: Moment | None = absent()
    progress: int | None = absent()
    report: Annotated[dict[str, Any] | None, Field(description="counts by name")] = absent()
    result_url: str | None = absent()
    result_until: Moment | None = absent()
    error: str | None = absent()


def job_response(job: Job) -> JobResponse:
    """Return a job as operators see it."""
    return JobResponse(
        id=job.id,
        kind=job.kind,
        state=job.state,
        subject=job.subject,
        created_by=job.created_by,
        created_at=job.created_at,
        done_at=job.done_at,
        progress=job.progress,
        report=None if job.report is None else dict(job.report),
        result_url=None if job.result_until is None else f"/v1/jobs/{job.id}/result",
        result_until=job.result_until,
        error=job.error,
    )


def accepted(job: Job) -> ApiResponse:
    """Return the reply to a request that made a job: 202 with its address."""
    return ApiResponse(job_response(job), {"Location": f"/v1/jobs/{job.id}"}, 202)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(await jobs.find_job(deps.ledger, request.path["id"]), job_response)


async def result(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> StreamedResponse | Refused:
    job_id = request.path["id"]
    found = await jobs.read_file(deps.ledger, job_id, request.now)
    if isinstance(found, Refused):
        return found
    named = {
        "Content-Disposition": f'attachment; filename="{found.name}"',
        "Cache-Control": "no-store",
    }
    return StreamedResponse(jobs.file_pieces(deps.ledger, job_id), found.media_type, named)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/jobs/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=JobResponse,
        summary="Show how far a job is",
    ),
    Endpoint(
        method="GET",
        path="/v1/jobs/{id}/result",
        rule=auth.OPERATOR_READ,
        handler=result,
        response=JobResponse,
        summary="Fetch the file that a job made",
        streams=ZIP,
    ),
)
