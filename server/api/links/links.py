"""/v1/batches/{id}/links and /v1/links: ways to claim outside a room. For operators; finance may read.

A student claims by POST /v1/links/{id}/claims, in whichever room their token names, or in none. The page
/c/{slug} reads what anybody may see by `link_pages.py`.
"""

from typing import Any

from server.api.drops.claims import ClaimBody, ClaimResponse, claim_of
from server.api.drops.task_models import TaskResponse, task_of
from server.api.http import auth
from server.api.http.caches.drop_lookup import ClaimableDrop
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
from server.api.http.paging import PageQuery, first_page
from server.api.http.qr_codes import SVG, QrQuery, QrResponse, svg_response
from server.api.links.link_models import (
    LinkBody,
    LinkChangeBody,
    LinkPageResponse,
    LinkResponse,
)
from server.core.drops.tasks import task_to_json
from server.core.links.links import LinkForm, LinkState
from server.core.refusals import Code, Refused
from server.flows.links import link_views
from server.flows.links import links as flows
from server.flows.links.link_views import LinkView
from server.flows.stores import Stores


async def create(
    deps: ApiDependencies, request: ApiRequest[LinkBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    form = LinkForm(
        batch_id=request.path["id"],
        channel=body.channel,
        quantity=body.quantity,
        per_student=body.per_student,
        opens_at=body.opens_at,
        closes_at=body.closes_at,
        task=task_of(body.task),
        message=body.message or "",
        note=body.note or "",
        prompt=body.prompt,
        metadata=body.metadata or {},
    )
    made = await flows.make_link(
        _stores(deps, request), form, request.key, request.now, deps.invites
    )
    return respond(made, lambda view: _response(deps, view))


async def index(
    deps: ApiDependencies, request: ApiRequest[NoBody, PageQuery]
) -> ApiResponse | Refused:
    limit = request.query.limit
    found = await link_views.list_links(
        _stores(deps, request), request.path["id"], limit + 1, request.query.after
    )
    if isinstance(found, Refused):
        return found
    page, following = first_page(found, limit)
    links = [_response(deps, view) for view in page]
    return ApiResponse(LinkPageResponse(links=links, next=following))


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    found = await link_views.show_link(_stores(deps, request), request.path["id"])
    return respond(found, lambda view: _response(deps, view))


async def change(
    deps: ApiDependencies, request: ApiRequest[LinkChangeBody, NoQuery]
) -> ApiResponse | Refused:
    body = request.body
    wanted = flows.LinkChange(
        state=LinkState(body.state) if body.state is not None else None,
        note=body.note,
        closes_at=body.closes_at,
        prompt=body.prompt,
        add=body.add,
        expected_quantity=body.expected_quantity,
    )
    changed = await flows.change_link(
        _stores(deps, request), request.path["id"], wanted, request.now
    )
    if not isinstance(changed, Refused):
        deps.link_cards.forget(changed.id)
    return respond(changed, lambda view: _response(deps, view))


async def qr(
    deps: ApiDependencies, request: ApiRequest[NoBody, QrQuery]
) -> ApiResponse | StreamedResponse | Refused:
    found = await link_views.show_link(_stores(deps, request), request.path["id"])
    if isinstance(found, Refused):
        return found
    return svg_response(_url(deps, found), request.query.size)


async def claim(
    deps: ApiDependencies, request: ApiRequest[ClaimBody, NoQuery]
) -> ApiResponse | Refused:
    card = await deps.link_cards.to_claim(_stores(deps, request), request.path["id"], request.now)
    if card is None:
        return Refused(Code.NOT_FOUND)
    drop = card.drop
    claimable = ClaimableDrop(
        drop.room, drop.shard, drop.batch_id, drop.audience, drop.campaign_id, drop.task
    )
    return await claim_of(deps, request, drop.id, claimable)


def _stores(deps: ApiDependencies, request: ApiRequest[Any, Any]) -> Stores:
    return Stores(deps.ledger, deps.drop_desk, deps.feed, request.identity.subject)


def _url(deps: ApiDependencies, view: LinkView) -> str:
    return f"{deps.pages_url or deps.public_url}/c/{view.link.slug}"


def _response(deps: ApiDependencies, view: LinkView) -> LinkResponse:
    link = view.link
    return LinkResponse(
        id=link.id,
        slug=link.slug,
        url=_url(deps, view),
        batch_id=link.batch_id,
        drop_id=link.drop_id,
        channel=link.channel,
        note=link.note,
        state=view.state,
        reason=view.reason,
        task=None if view.task is None else TaskResponse.model_validate(task_to_json(view.task)),
        quantity=view.quantity,
        remaining=view.remaining,
        per_student=1,
        opens_at=link.opens_at,
        closes_at=link.closes_at,
        opened=view.opened,
        claimed=view.claimed,
        claimed_total=view.claimed_total,
        confirmed=view.confirmed,
        used=view.used,
        returned=view.returned,
        prompt=link.prompt,
        metadata=dict(link.metadata),
        created_by=link.created_by,
        created_at=link.created_at,
    )


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/batches/{id}/links",
        rule=auth.OPERATOR,
        handler=create,
        body=LinkBody,
        response=LinkResponse,
        status=201,
        summary="Make a link: a part of the batch to claim outside a room",
        refuses=(Code.STOCK_SHORT, Code.WRONG_STATE),
        is_create=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/batches/{id}/links",
        rule=auth.OPERATOR_READ,
        handler=index,
        query=PageQuery,
        response=LinkPageResponse,
        summary="List the links of a batch, newest first, with their counts",
    ),
    Endpoint(
        method="GET",
        path="/v1/links/{id}",
        rule=auth.OPERATOR_READ,
        handler=show,
        response=LinkResponse,
        summary="Show a link with its counts, by its id or by the name in its address",
    ),
    Endpoint(
        method="PATCH",
        path="/v1/links/{id}",
        rule=auth.OPERATOR,
        handler=change,
        body=LinkChangeBody,
        response=LinkResponse,
        summary="Pause, resume, top up or end a link, or change its end, note or prompt. Repeatable",
        refuses=(Code.WRONG_STATE, Code.IN_PROGRESS, Code.STOCK_SHORT),
    ),
    Endpoint(
        method="GET",
        path="/v1/links/{id}/qr.svg",
        rule=auth.OPERATOR_READ,
        handler=qr,
        query=QrQuery,
        response=QrResponse,
        streams=SVG,
        summary="The QR code of a link's address",
    ),
    Endpoint(
        method="POST",
        path="/v1/links/{id}/claims",
        rule=auth.STUDENT,
        handler=claim,
        body=ClaimBody,
        response=ClaimResponse,
        summary="Claim a coupon by a link; responds 200 with every outcome",
    ),
)
