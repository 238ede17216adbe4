"""/v1/students: what the school says of its students, and the list of those who are known.

Used by the school's back end and by operators. The whole history of one student is in api/students/.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from server.api.audiences.fact_values import FactValue
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
from server.api.http.fields import (
    NAME_PATTERN,
    Body,
    FromDay,
    Moment,
    QueryFields,
    ResponseModel,
    ShortText,
    Student,
    Title,
    absent,
)
from server.api.http.paging import MAX_PAGE, first_page
from server.core.audiences import students as core
from server.core.refusals import Refused
from server.flows.audiences import students as flows
from server.ledger.audiences import students as ledger

FACT_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*$"
FactName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=FACT_PATTERN)]


class StudentBody(Body):
    """`tags` replace those of before. Each of `facts` replaces the one of its name; null takes it away."""

    id: Student
    name: Title | None = None
    registered_at: FromDay | None = None
    tags: Annotated[list[ShortText], Field(max_length=core.MAX_TAGS)] | None = None
    facts: Annotated[dict[FactName, FactValue], Field(max_length=core.MAX_FACTS)] = Field(
        default_factory=dict
    )


class StudentsBody(Body):
    students: Annotated[list[StudentBody], Field(min_length=1, max_length=core.MAX_STUDENTS)]


class StudentsQuery(QueryFields):
    """`q`: the beginning of an id, or of a name in any case. `after`: the `next` of the page before."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
    after: Annotated[str, StringConstraints(max_length=64, pattern=NAME_PATTERN)] | None = None
    q: Annotated[str, StringConstraints(max_length=64)] | None = None
    tag: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None


class UpsertedResponse(ResponseModel):
    upserted: int


class StudentResponse(ResponseModel):
    """`first_seen`: when we first heard of the student. `last_seen`: their latest claim, payment or event."""

    id: str
    name: str | None = absent()
    tags: list[str]
    registered_at: Moment | None = absent()
    first_seen: Moment
    last_seen: Moment | None = absent()
    lessons_done: int
    facts: dict[str, bool | int | float | str]


class StudentPageResponse(ResponseModel):
    students: list[StudentResponse]
    next: str | None


async def upsert(
    deps: ApiDependencies, request: ApiRequest[StudentsBody, NoQuery]
) -> ApiResponse | Refused:
    forms = [_form(each) for each in request.body.students]
    done = await flows.upsert_students(deps.ledger, forms, request.now, request.key)
    return respond(done, lambda count: UpsertedResponse(upserted=count))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, StudentsQuery]
) -> ApiResponse | Refused:
    query = request.query
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, query.q, query.tag, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(
        StudentPageResponse(students=[student_response(each) for each in page], next=following)
    )


def _form(body: StudentBody) -> core.StudentForm:
    return core.StudentForm(
        id=body.id,
        name=body.name,
        registered_at=body.registered_at,
        tags=None if body.tags is None else frozenset(body.tags),
        facts=body.facts,
    )


def student_response(student: core.Student) -> StudentResponse:
    return StudentResponse(
        id=student.id,
        name=student.name,
        tags=list(student.tags),
        registered_at=student.registered_at,
        first_seen=student.first_seen,
        last_seen=student.last_seen,
        lessons_done=student.lessons_done,
        facts=dict(student.facts),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/students",
        rule=auth.SCHOOL,
        handler=upsert,
        body=StudentsBody,
        response=UpsertedResponse,
        summary="Say what the school knows of its students, at most 1,000 a call",
        max_body=2 * 1024 * 1024,
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/students",
        rule=auth.DESK_READ,
        handler=index,
        query=StudentsQuery,
        response=StudentPageResponse,
        summary="List students, the newest first; by the beginning of an id or a name, by a tag",
    ),
)
