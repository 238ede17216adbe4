"""/v1/templates: what a coupon is worth. Operators write templates, and each PUT makes a new version.

The flow applies the rules of a template (core/promotions/template_rules.py). This file has the shape of a
request and of a response; server/contract_json.py turns their JSON into the dataclasses of `core`.
"""

import re

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
from server.api.http.fields import (
    Body,
    Currency,
    Description,
    Instant,
    Metadata,
    ResponseModel,
    Title,
    Url,
    absent,
)
from server.api.http.paging import PageQuery, first_page
from server.api.promotions.template_parts import (
    Deducts,
    Discount,
    Returns,
    Scope,
    Stacking,
    Style,
    Threshold,
    Uses,
    Validity,
    ValidityResponse,
)
from server.contract_json import template_form_from_json, template_to_json
from server.core.promotions import templates as core
from server.core.refusals import Code, Refused, invalid_field
from server.flows.promotions import templates as flows
from server.ledger.promotions import templates as ledger

_ETAG = re.compile(r'(?:W/)?"([0-9]{1,9})"|([0-9]{1,9})')


class TemplateBody(Body):
    name: Title
    description: Description = ""
    currency: Currency
    discount: Discount
    threshold: Threshold = Threshold()
    scope: Scope = Scope()
    validity: Validity
    deducts: Deducts | None = None
    stacking: Stacking = Stacking()
    uses_per_student: Uses | None = None
    returns: Returns = Returns()
    style: Style | None = None
    use_url: Url | None = None
    metadata: Metadata | None = None


class TemplateResponse(ResponseModel):
    id: str
    version: int
    name: str
    description: str
    currency: str
    discount: Discount
    threshold: Threshold
    scope: Scope
    validity: ValidityResponse
    deducts: list[str]
    stacking: Stacking
    uses_per_student: int | None = absent()
    returns: Returns
    style: Style | None = absent()
    use_url: str | None = absent()
    metadata: dict[str, str]
    created_at: Instant


class TemplatePageResponse(ResponseModel):
    templates: list[TemplateResponse]
    next: str | None


async def create(
    deps: ApiDependencies, request: ApiRequest[TemplateBody, NoQuery]
) -> ApiResponse | Refused:
    form, actor = _form(request.body), request.identity.subject
    made = await flows.create_template(deps.ledger, actor, form, request.key, request.now)
    return _respond(made)


async def replace(
    deps: ApiDependencies, request: ApiRequest[TemplateBody, NoQuery]
) -> ApiResponse | Refused:
    version = parse_if_match(request.if_match)
    if isinstance(version, Refused):
        return version
    form, actor = _form(request.body), request.identity.subject
    made = await flows.replace_template(
        deps.ledger, actor, request.path["id"], version, form, request.now
    )
    return _respond(made)


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
    templates, following = first_page(found, limit)
    return ApiResponse(
        TemplatePageResponse(
            templates=[template_response(each) for each in templates], next=following
        )
    )


def parse_if_match(if_match: str | None) -> int | Refused:
    """Return the version that If-Match names, with or without quotes and `W/`."""
    if if_match is None:
        return invalid_field("If-Match", "missing", "send the version that was read")
    found = _ETAG.fullmatch(if_match.strip())
    return int(found[1] or found[2]) if found else invalid_field("If-Match", "bad_format")


def _form(body: TemplateBody) -> core.TemplateForm:
    return template_form_from_json(body.model_dump(mode="json", by_alias=True))


def template_response(template: core.Template) -> TemplateResponse:
    return TemplateResponse.model_validate(template_to_json(template))


def _respond(found: core.Template | Refused) -> ApiResponse | Refused:
    """Respond with the template, and with its version as ETag."""
    if isinstance(found, Refused):
        return found
    return ApiResponse(template_response(found), {"ETag": f'"{found.version}"'})


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/templates",
        rule=auth.OPERATOR,
        handler=create,
        body=TemplateBody,
        response=TemplateResponse,
        status=201,
        summary="Create a template",
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/templates",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=TemplatePageResponse,
        summary="List templates, newest first",
    ),
    Endpoint(
        method="GET",
        path="/v1/templates/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=TemplateResponse,
        summary="Get the current version of a template",
    ),
    Endpoint(
        method="PUT",
        path="/v1/templates/{id}",
        rule=auth.OPERATOR,
        handler=replace,
        body=TemplateBody,
        response=TemplateResponse,
        summary="Create the next version of a template; issued coupons keep theirs",
        refuses=(Code.WRONG_STATE,),
        needs_version=True,
    ),
)
