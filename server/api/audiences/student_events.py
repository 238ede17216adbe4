"""/v1/student-events: what the school tells of its students. Triggers and rules of audiences read it.

Used by the school's back end. A repeated id does nothing, so a call may be sent again as it is.
"""

from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from server.api.http import auth
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoQuery,
    respond,
)
from server.api.http.fields import Body, Instant, RequestId, ResponseModel, ShortText, Student
from server.core.audiences import student_events as core
from server.core.refusals import Refused
from server.flows.audiences import student_events as flows

MAX_DATA_BYTES = 4_096
TYPE_PATTERN = r"^([a-z_]+|x\.[A-Za-z0-9_.]+)$"


def _within_bytes(data: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(data)) > MAX_DATA_BYTES:
        raise PydanticCustomError("too_large", "at most 4,096 bytes")
    return data


class StudentEventBody(Body):
    """`type`: `signed_up logged_in lesson_finished viewed_course`, or one of the school's own, `x.…`. The
    `data` of `viewed_course` name its `course`."""

    id: RequestId
    type: Annotated[str, StringConstraints(min_length=1, max_length=62, pattern=TYPE_PATTERN)]
    student: Student
    at: Instant
    data: Annotated[dict[ShortText, Any], AfterValidator(_within_bytes)] = Field(
        default_factory=dict
    )


class StudentEventsBody(Body):
    events: Annotated[list[StudentEventBody], Field(min_length=1, max_length=core.MAX_EVENTS)]


class AcceptedResponse(ResponseModel):
    accepted: int
    duplicates: int


async def accept(
    deps: ApiDependencies, request: ApiRequest[StudentEventsBody, NoQuery]
) -> ApiResponse | Refused:
    events = [
        core.StudentEvent(each.id, each.type, each.student, each.at, each.data)
        for each in request.body.events
    ]
    done = await flows.accept_events(deps.ledger, events, deps.time_zone, request.now)
    return respond(
        done, lambda it: AcceptedResponse(accepted=it.accepted, duplicates=it.duplicates)
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/student-events",
        rule=auth.SERVICE,
        handler=accept,
        body=StudentEventsBody,
        response=AcceptedResponse,
        status=202,
        summary="Tell of students: events, at most 500 a call, each id once within 30 days",
        max_body=4 * 1024 * 1024,
    ),
)
