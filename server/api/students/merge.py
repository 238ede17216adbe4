"""POST /v1/students/{student}/merge-into/{other}: two accounts of one person become one. For operators."""

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
from server.api.students.jobs import JobResponse, accepted
from server.core.ids import StudentId
from server.core.refusals import Code, Refused
from server.flows.students.merge import request_merge


async def merge(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    student, other = StudentId(request.path["student"]), StudentId(request.path["other"])
    actor = request.identity.subject
    job = await request_merge(deps.ledger, actor, student, other, request.now, request.key)
    return job if isinstance(job, Refused) else accepted(job)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/students/{student}/merge-into/{other}",
        rule=auth.OPERATOR,
        handler=merge,
        response=JobResponse,
        status=202,
        summary="Give what one account has to another account of the same person",
        refuses=(Code.NOT_FOUND, Code.WRONG_STATE, Code.COUPON_LOCKED),
        is_create=True,
    ),
)
