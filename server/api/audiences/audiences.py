"""/v1/audiences: who, as a list, a tag or a rule. Operators write them, and each PUT makes a new version."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from server.api.audiences.rule_bodies import Rule, rule_json
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
    Body,
    Metadata,
    Moment,
    ResponseModel,
    ShortText,
    Student,
    Title,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.templates import parse_if_match
from server.core.audiences import audiences as core
from server.core.refusals import Code, Refused, invalid_field
from server.flows.audiences import audiences as flows
from server.ledger.audiences import audiences as ledger

MAX_BODY = 10 * 1024 * 1024


def _as_it_is(student: str) -> str:
    """Return the id. A call into Python for each of 200,000 ids lets the loop of the process go on between
    two of them; pydantic alone would not for 40 ms.
    """
    return student


MemberId = Annotated[Student, AfterValidator(_as_it_is)]


class SavedAudienceBody(Body):
    """`kind` says which one of `students`, `tag` and `rule` is sent."""

    name: Title
    kind: Literal["list", "tag", "rule"]
    students: Annotated[list[MemberId], Field(max_length=core.MAX_MEMBERS)] | None = None
    tag: ShortText | None = None
    rule: Rule | None = None
    metadata: Metadata | None = None


class SavedAudienceResponse(ResponseModel):
    """`size`: the number of students of a list."""

    id: str
    version: int
    name: str
    kind: core.AudienceKind
    size: int | None = absent()
    tag: str | None = absent()
    rule: Rule | None = absent()
    metadata: dict[str, str]
    created_at: Moment


class SavedAudiencePageResponse(ResponseModel):
    audiences: list[SavedAudienceResponse]
    next: str | None


class PreviewResponse(ResponseModel):
    """`count` students are in the audience now; `sample` names at most 20 of them."""

    count: int
    sample: list[str]


async def create(
    deps: ApiDependencies, request: ApiRequest[SavedAudienceBody, NoQuery]
) -> ApiResponse | Refused:
    form = _form(request.body)
    if isinstance(form, Refused):
        return form
    actor = request.identity.subject
    return _respond(await flows.create_audience(deps.ledger, actor, form, request.key, request.now))


async def replace(
    deps: ApiDependencies, request: ApiRequest[SavedAudienceBody, NoQuery]
) -> ApiResponse | Refused:
    version = parse_if_match(request.if_match)
    if isinstance(version, Refused):
        return version
    form = _form(request.body)
    if isinstance(form, Refused):
        return form
    actor, audience_id = request.identity.subject, request.path["id"]
    return _respond(
        await flows.replace_audience(deps.ledger, actor, audience_id, version, form, request.now)
    )


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    return _respond(found or Refused(Code.NOT_FOUND))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, limit + 1, request.query.after)
    page, following = first_page(found, limit)
    listed = [_response(each) for each in page]
    return ApiResponse(SavedAudiencePageResponse(audiences=listed, next=following))


async def preview(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await flows.preview_audience(
        deps.ledger, request.path["id"], deps.time_zone, request.now
    )
    return respond(found, lambda it: PreviewResponse(count=it.count, sample=list(it.sample)))


def _form(body: SavedAudienceBody) -> core.AudienceForm | Refused:
    """Return the form; `invalid_field` where another part than the one of its kind is sent, or none is."""
    parts: Mapping[str, Any] = {
        "students": body.students,
        "tag": body.tag,
        "rule": None if body.rule is None else rule_json(body.rule),
    }
    wanted = "students" if body.kind == "list" else body.kind
    if parts[wanted] is None:
        return invalid_field(wanted, "missing")
    for name, part in parts.items():
        if part is not None and name != wanted:
            return invalid_field(name, "unsupported", f"{name} does not belong to a {body.kind}")
    return core.AudienceForm(
        name=body.name,
        kind=core.AudienceKind(body.kind),
        students=body.students or (),
        tag=body.tag,
        rule=parts["rule"],
        metadata=body.metadata or {},
    )


def _response(audience: core.Audience) -> SavedAudienceResponse:
    return SavedAudienceResponse(
        id=audience.id,
        version=audience.version,
        name=audience.name,
        kind=audience.kind,
        size=audience.size,
        tag=audience.tag,
        rule=None if audience.rule is None else Rule.model_validate(audience.rule),
        metadata=dict(audience.metadata),
        created_at=audience.created_at,
    )


def _respond(found: core.Audience | Refused) -> ApiResponse | Refused:
    """Respond with the audience, and with its version as ETag."""
    if isinstance(found, Refused):
        return found
    return ApiResponse(_response(found), {"ETag": f'"{found.version}"'})


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/audiences",
        rule=auth.OPERATOR,
        handler=create,
        body=SavedAudienceBody,
        response=SavedAudienceResponse,
        status=201,
        summary="Create an audience: a list of students, a tag or a rule",
        is_create=True,
        max_body=MAX_BODY,
    ),
    Endpoint(
        method="GET",
        path="/v1/audiences",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=SavedAudiencePageResponse,
        summary="List audiences, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/audiences/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=SavedAudienceResponse,
        summary="Get the current version of an audience",
    ),
    Endpoint(
        method="PUT",
        path="/v1/audiences/{id}",
        rule=auth.OPERATOR,
        handler=replace,
        body=SavedAudienceBody,
        response=SavedAudienceResponse,
        summary="Create the next version of an audience; what was frozen from it stays",
        refuses=(Code.WRONG_STATE,),
        needs_version=True,
        max_body=MAX_BODY,
    ),
    Endpoint(
        method="POST",
        path="/v1/audiences/{id}/preview",
        rule=auth.OPERATOR,
        handler=preview,
        response=PreviewResponse,
        summary="Count who is in an audience now, and name up to 20 of them",
    ),
)
