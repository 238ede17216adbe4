"""/v1/price-rules: how often, for how long and how deep a course may be sold below its list price.

For operators; finance may read. POST /v1/batches refuses what breaks a rule.
"""

from dataclasses import asdict
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
from server.api.http.fields import (
    Body,
    Metadata,
    Moment,
    NotEmpty,
    ReasonBody,
    ResponseModel,
    ShortText,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.core.promotions.price_rules import MAX_COURSES, PERIOD_DAYS, PriceRule
from server.core.refusals import Code, Refused, invalid_field
from server.flows.promotions import price_rules as flows
from server.ids import new_id


class PriceRuleBody(Body):
    """Limits for each of the courses, at least one. `max_days_on_offer`: in any 30 days.
    `min_days_between`: two offers of a course."""

    courses: Annotated[list[ShortText], NotEmpty, Field(max_length=MAX_COURSES)]
    max_days_on_offer: Annotated[int, Field(ge=0, le=PERIOD_DAYS)] | None = None
    min_days_between: Annotated[int, Field(ge=1, le=366)] | None = None
    max_depth_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    metadata: Metadata | None = None


class CourseSalesResponse(ResponseModel):
    """`lowest_price`: paid for one piece."""

    currency: str
    pieces: int
    pieces_below: int
    lowest_price: int


class CourseFiguresResponse(ResponseModel):
    """The last 30 days. `pieces_below`: sold below the list price."""

    course: str
    days_on_offer: int
    sales: list[CourseSalesResponse]


class PriceRuleResponse(ResponseModel):
    id: str
    courses: list[str]
    max_days_on_offer: int | None = absent()
    min_days_between: int | None = absent()
    max_depth_percent: int | None = absent()
    metadata: dict[str, str]
    created_by: str
    created_at: Moment


class PriceRuleFiguresResponse(PriceRuleResponse):
    figures: list[CourseFiguresResponse]


class PriceRulePageResponse(ResponseModel):
    price_rules: list[PriceRuleResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[PriceRuleBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    limits = (body.max_days_on_offer, body.min_days_between, body.max_depth_percent)
    if all(limit is None for limit in limits):
        return invalid_field("max_days_on_offer", "missing", "say at least one limit")
    rule = PriceRule(
        new_id("prl"),
        tuple(dict.fromkeys(body.courses)),
        request.identity.subject,
        request.now,
        *limits,
        metadata=body.metadata or {},
    )
    made = await flows.make_rule(deps.ledger, rule, request.key, request.now)
    return respond(made, _response)


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await flows.list_rules(deps.ledger, request.query.after, limit + 1)
    page, following = first_page(found, limit)
    listed = [_response(rule) for rule in page]
    return ApiResponse(PriceRulePageResponse(price_rules=listed, next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await flows.show_rule(deps.ledger, request.path["id"], request.now)
    if isinstance(found, Refused):
        return found
    rule, courses = found
    plain = _response(rule)
    figures = [
        CourseFiguresResponse.model_validate(course, from_attributes=True) for course in courses
    ]
    fields = {name: getattr(plain, name) for name in PriceRuleResponse.model_fields}
    return ApiResponse(PriceRuleFiguresResponse(**fields, figures=figures))


async def end(
    deps: ApiDependencies, request: ApiRequest[ReasonBody, NoQuery]
) -> ApiResponse | Refused:
    ended = await flows.end_rule(
        deps.ledger,
        request.identity.subject,
        request.path["id"],
        request.now,
        request.body.reason,
    )
    return respond(ended, _response)


def _response(rule: PriceRule) -> PriceRuleResponse:
    return PriceRuleResponse(**asdict(rule) | {"courses": list(rule.courses)})


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/price-rules",
        rule=auth.OPERATOR,
        handler=create,
        body=PriceRuleBody,
        response=PriceRuleResponse,
        status=201,
        summary="Limit how often, how long and how deep courses are sold below their list price",
        is_create=True,
        refuses=(Code.TOO_MANY,),
    ),
    Endpoint(
        method="GET",
        path="/v1/price-rules",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=PriceRulePageResponse,
        summary="List price rules, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/price-rules/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=PriceRuleFiguresResponse,
        summary="Get a price rule and the last 30 days of its courses",
    ),
    Endpoint(
        method="DELETE",
        path="/v1/price-rules/{id}",
        rule=auth.OPERATOR,
        handler=end,
        body=ReasonBody,
        response=PriceRuleResponse,
        summary="End a price rule",
    ),
)
