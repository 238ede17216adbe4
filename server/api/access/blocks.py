"""/v1/blocks: who gets nothing for now. For operators.

What a block does and how soon it works is in flows/access/blocks.py.
"""

from typing import Annotated, Literal

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
from server.api.http.fields import (
    Body,
    Instant,
    Metadata,
    Moment,
    QueryFields,
    Readable,
    ResponseModel,
)
from server.api.http.paging import PageQuery, first_page
from server.core.access.blocks import BlockForm
from server.core.access.rules import BLOCKS, MAX_REASON, MAX_VALUE, AccessRule, RuleKind
from server.core.refusals import Code, Refused, invalid_field
from server.flows.access import blocks as flows
from server.ledger.access import rules as ledger
from server.ledger.access.rules import RuleFilter

BlockKind = Literal["student", "person", "device", "tag"]
_Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE), Readable]
_Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON), Readable]


class BlockBody(Body):
    """`value`: the student's id, the `person` or `device` of their tokens, or a tag. `until` absent: until
    the block is ended."""

    kind: BlockKind
    value: _Value
    reason: _Reason
    until: Instant | None = None
    metadata: Metadata | None = None


class EndBlockBody(Body):
    """The block to end, by what it names; the query may say the same."""

    kind: BlockKind | None = None
    value: _Value | None = None


class BlocksQuery(PageQuery):
    """`kind` and `value`: only blocks that name this."""

    kind: BlockKind | None = None
    value: _Value | None = None


class EndBlockQuery(QueryFields):
    """The block to end, by what it names."""

    kind: BlockKind | None = None
    value: _Value | None = None


class BlockResponse(ResponseModel):
    """`ended_at` and `ended_by` null: nobody has ended it. It ends by itself at `until`."""

    id: str
    kind: BlockKind
    value: str
    reason: str
    until: Moment | None
    metadata: dict[str, str]
    created_by: str
    created_at: Moment
    ended_by: str | None
    ended_at: Moment | None


class BlockPageResponse(ResponseModel):
    blocks: list[BlockResponse]
    next: str | None


def _to_response(rule: AccessRule) -> BlockResponse:
    return BlockResponse.model_validate(rule, from_attributes=True)


async def create(
    deps: ApiDependencies, request: ApiRequest[BlockBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    form = BlockForm(RuleKind(body.kind), body.value, body.reason, body.until, body.metadata or {})
    actor = request.identity.subject
    made = await flows.block(deps.ledger, deps.feed, form, actor, request.now, request.key)
    return respond(made, _to_response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, BlocksQuery]
) -> ApiResponse | Refused:
    query = request.query
    kinds = BLOCKS if query.kind is None else (RuleKind(query.kind),)
    wanted = RuleFilter(kinds, query.value)
    async with deps.ledger.read() as conn:
        found = await ledger.page(conn, wanted, request.now, query.limit + 1, query.after)
    page, following = first_page(found, query.limit)
    return ApiResponse(BlockPageResponse(blocks=[*map(_to_response, page)], next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    async with deps.ledger.read() as conn:
        found = await ledger.find(conn, request.path["id"])
    if found is None or found.kind not in BLOCKS:
        return Refused(Code.NOT_FOUND)
    return ApiResponse(_to_response(found))


async def end(deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]) -> ApiResponse | Refused:
    actor = request.identity.subject
    ended = await flows.unblock(deps.ledger, deps.feed, request.path["id"], actor, request.now)
    return respond(ended, _to_response)


async def end_by_value(
    deps: ApiDependencies, request: ApiRequest[EndBlockBody, EndBlockQuery]
) -> ApiResponse | Refused:
    kind = request.body.kind or request.query.kind
    value = request.body.value or request.query.value
    if kind is None or value is None:
        return invalid_field("kind" if kind is None else "value", "missing")
    ended = await flows.unblock_value(
        deps.ledger, deps.feed, RuleKind(kind), value, request.identity.subject, request.now
    )
    return respond(ended, _to_response)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/blocks",
        rule=auth.OPERATOR,
        handler=create,
        body=BlockBody,
        response=BlockResponse,
        status=201,
        summary="Let a student, person, device or tag get nothing until a time",
        refuses=(Code.TOO_MANY,),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/blocks",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=BlocksQuery,
        response=BlockPageResponse,
        summary="List the blocks in force, newest first",
    ),
    Endpoint(
        method="DELETE",
        path="/v1/blocks",
        rule=auth.OPERATOR,
        handler=end_by_value,
        body=EndBlockBody,
        query=EndBlockQuery,
        response=BlockResponse,
        summary="End the block of this kind and value",
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="GET",
        path="/v1/blocks/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=BlockResponse,
        summary="Get a block, in force or ended",
    ),
    Endpoint(
        method="DELETE",
        path="/v1/blocks/{id}",
        rule=auth.OPERATOR,
        handler=end,
        response=BlockResponse,
        summary="End a block. Repeatable",
    ),
)
