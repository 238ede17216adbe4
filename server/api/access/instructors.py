"""/v1/instructors: stop an instructor, and let them go on. For operators.

What a stop does is in flows/access/instructors.py; it also closes what the instructor has open
(flows/drops/stop_instructor.py).
"""

from typing import Annotated

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
    respond,
)
from server.api.http.fields import Body, Moment, Readable, ResponseModel
from server.api.http.paging import PageQuery, first_page
from server.core.access.instructors import InstructorStop
from server.core.access.rules import MAX_REASON, RuleKind
from server.core.refusals import Refused
from server.flows.access import instructors as flows
from server.flows.drops.stop_instructor import close_drops_of
from server.flows.stores import Stores
from server.ledger.access import rules as ledger
from server.ledger.access.rules import RuleFilter


class StopInstructorBody(Body):
    """`reason` is shown to the instructor."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON), Readable]


class ResumeInstructorBody(Body):
    reason: Annotated[str, Field(max_length=MAX_REASON), Readable] = ""


class InstructorStopResponse(ResponseModel):
    """The stop of an instructor as it is now. The other fields are those of the last change; empty and null
    where nothing was changed."""

    instructor: str
    stopped: bool
    reason: str
    changed_by: str
    changed_at: Moment | None


class InstructorStopPageResponse(ResponseModel):
    instructors: list[InstructorStopResponse]
    next: str | None


def _to_response(state: InstructorStop) -> InstructorStopResponse:
    return InstructorStopResponse(
        instructor=state.instructor,
        stopped=state.stopped,
        reason=state.reason,
        changed_by=state.changed_by,
        changed_at=state.changed_at or None,
    )


async def stop(
    deps: ApiDependencies, request: ApiRequest[StopInstructorBody, NoQuery]
) -> ApiResponse | Refused:
    instructor, actor = request.path["sub"], request.identity.subject
    state = await flows.stop(deps.ledger, instructor, request.body.reason, actor, request.now)
    if not isinstance(state, Refused):
        stores = Stores(deps.ledger, deps.drop_desk, deps.feed, actor)
        await close_drops_of(stores, [instructor], request.now)
    return respond(state, _to_response)


async def resume(
    deps: ApiDependencies, request: ApiRequest[ResumeInstructorBody, NoQuery]
) -> ApiResponse | Refused:
    instructor, actor = request.path["sub"], request.identity.subject
    state = await flows.resume(deps.ledger, instructor, request.body.reason, actor, request.now)
    return respond(state, _to_response)


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    instructor = request.path["sub"]
    async with deps.ledger.read() as conn:
        found = await ledger.find_in_force(conn, RuleKind.INSTRUCTOR, instructor, request.now)
    state = InstructorStop(instructor) if found is None else flows.state_of(found)
    return ApiResponse(_to_response(state))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    query, wanted = request.query, RuleFilter((RuleKind.INSTRUCTOR,))
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, wanted, request.now, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    listed = [_to_response(flows.state_of(rule)) for rule in page]
    return ApiResponse(InstructorStopPageResponse(instructors=listed, next=following))


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/instructors",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=InstructorStopPageResponse,
        summary="List the instructors who are stopped, newest stop first",
    ),
    Endpoint(
        method="GET",
        path="/v1/instructors/{sub}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=InstructorStopResponse,
        summary="Get whether an instructor is stopped",
    ),
    Endpoint(
        method="POST",
        path="/v1/instructors/{sub}/stop",
        rule=auth.OPERATOR,
        handler=stop,
        body=StopInstructorBody,
        response=InstructorStopResponse,
        summary="Let an instructor open nothing, and close what they have open. Repeatable",
    ),
    Endpoint(
        method="POST",
        path="/v1/instructors/{sub}/resume",
        rule=auth.OPERATOR,
        handler=resume,
        body=ResumeInstructorBody,
        response=InstructorStopResponse,
        summary="Let an instructor open drops again. Repeatable",
    ),
)
