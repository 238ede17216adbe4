"""/v1/packs: several coupons that a student gets together. For operators; finance may read.

A pack is issued by POST /v1/issuances with its `pack_id`. It is never changed; a new one takes its place.
"""

from typing import Annotated

from pydantic import Field

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
    Id,
    Metadata,
    Moment,
    NotEmpty,
    ResponseModel,
    Title,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.core.coupons.packs import (
    MAX_COUPONS,
    MAX_ITEMS,
    MAX_VARIANTS,
    Pack,
    PackItem,
    PackPreview,
    Variant,
)
from server.core.ids import BatchId
from server.core.refusals import Code, Refused
from server.flows.coupons import packs as flows
from server.ids import new_id


class PackItemBody(Body):
    batch_id: Id
    count: Annotated[int, Field(ge=1, le=MAX_COUPONS)] = 1


class PackVariantBody(Body):
    """A coupon for whoever fulfils the rule `if`, or is in the audience; for everybody without either."""

    condition: Annotated[Rule | None, Field(alias="if")] = None
    audience_id: Id | None = None
    batch_id: Id


class PackBody(Body):
    """Either `items`, at most 20 coupons together, of each batch at most what a student may have; or
    `variants`, of which a student gets the first that they fulfil."""

    name: Title
    items: Annotated[list[PackItemBody], NotEmpty, Field(max_length=MAX_ITEMS)] | None = None
    variants: Annotated[list[PackVariantBody], NotEmpty, Field(max_length=MAX_VARIANTS)] | None = (
        None
    )
    metadata: Metadata | None = None


class PackItemResponse(ResponseModel):
    batch_id: str
    count: int


class PackVariantResponse(ResponseModel):
    condition: Annotated[Rule | None, Field(alias="if", exclude_if=lambda it: it is None)] = None
    audience_id: str | None = absent()
    batch_id: str


class PackResponse(ResponseModel):
    """`items` or `variants` are empty."""

    id: str
    name: str
    items: list[PackItemResponse]
    variants: list[PackVariantResponse]
    created_by: str
    created_at: Moment
    metadata: dict[str, str]


class VariantPreviewResponse(ResponseModel):
    """`matching` students fulfil it; of `chosen` of them it is the first."""

    batch_id: str
    matching: int
    chosen: int


class PackPreviewResponse(ResponseModel):
    """Students that Classdrop knows: `overlapping` of them fulfil several conditions, `without` none."""

    variants: list[VariantPreviewResponse]
    overlapping: int
    without: int


class PackPageResponse(ResponseModel):
    packs: list[PackResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[PackBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    pack = Pack(
        id=new_id("pck"),
        name=body.name,
        items=tuple(PackItem(BatchId(one.batch_id), one.count) for one in body.items or ()),
        variants=tuple(_variant(one) for one in body.variants or ()),
        created_by=request.identity.subject,
        created_at=request.now,
        metadata=body.metadata or {},
    )
    return respond(await flows.make_pack(deps.ledger, pack, request.key, request.now), _response)


def _variant(body: PackVariantBody) -> Variant:
    rule = None if body.condition is None else rule_json(body.condition)
    return Variant(BatchId(body.batch_id), rule, body.audience_id)


async def preview(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    pack = await flows.find_pack(deps.ledger, request.path["id"])
    if isinstance(pack, Refused):
        return pack
    found = await flows.preview_pack(deps.ledger, pack.id, deps.time_zone, request.now)
    return respond(found, lambda preview: _preview_response(pack, preview))


def _preview_response(pack: Pack, preview: PackPreview) -> PackPreviewResponse:
    counts = zip(pack.variants, preview.matching, preview.chosen, strict=True)
    return PackPreviewResponse(
        variants=[
            VariantPreviewResponse(batch_id=each.batch_id, matching=matching, chosen=chosen)
            for each, matching, chosen in counts
        ],
        overlapping=preview.overlapping,
        without=preview.without,
    )


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    return respond(await flows.find_pack(deps.ledger, request.path["id"]), _response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await flows.list_packs(deps.ledger, request.query.after, limit + 1)
    page, following = first_page(found, limit)
    return ApiResponse(PackPageResponse(packs=[_response(pack) for pack in page], next=following))


def _response(pack: Pack) -> PackResponse:
    return PackResponse(
        id=pack.id,
        name=pack.name,
        items=[PackItemResponse(batch_id=one.batch_id, count=one.count) for one in pack.items],
        variants=[
            PackVariantResponse(
                condition=None if one.rule is None else Rule.model_validate(one.rule),
                audience_id=one.audience_id,
                batch_id=one.batch_id,
            )
            for one in pack.variants
        ],
        created_by=pack.created_by,
        created_at=pack.created_at,
        metadata=dict(pack.metadata),
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/packs",
        rule=auth.OPERATOR,
        handler=create,
        body=PackBody,
        response=PackResponse,
        status=201,
        summary="Make a pack: coupons that a student gets together",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/packs",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=PackPageResponse,
        summary="List packs, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/packs/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=PackResponse,
        summary="Show a pack",
    ),
    Endpoint(
        method="POST",
        path="/v1/packs/{id}/preview",
        rule=auth.OPERATOR,
        handler=preview,
        response=PackPreviewResponse,
        summary="Count who fulfils the variants of a pack, and who several of them",
        refuses=(Code.WRONG_STATE,),
    ),
)
