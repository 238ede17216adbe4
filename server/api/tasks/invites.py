"""POST /v1/drops/{id}/invite and POST /v1/invitations: a student's own link, and who comes by it."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from server.api.drops.task_models import ProgressResponse
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
from server.api.http.fields import Body, ResponseModel, absent
from server.api.tasks.tasks import find_task
from server.core.coupons.claim_sources import link_of
from server.core.drops.tasks import progress_to_json
from server.core.refusals import Code, Refused
from server.flows.stores import Stores
from server.flows.tasks import invites

_Code = Annotated[str, StringConstraints(pattern=r"^inv_[A-Za-z0-9_]{1,36}$")]


class InviteResponse(ProgressResponse):
    """The student's link. Its `code` names nobody."""

    drop_id: str
    code: str
    url: str


class InvitationBody(Body):
    """`code`: of the link by which the student came."""

    code: _Code


class InvitationResponse(ResponseModel):
    """`counted` false comes with its `reason`. `room` of the drop, or the name in the address of its
    `link`."""

    drop_id: str
    room: str | None = absent()
    link: str | None = absent()
    counted: bool
    reason: (
        Literal["self", "same_person", "same_device", "not_new", "came_before", "closed"] | None
    ) = absent()


async def invite(
    deps: ApiDependencies, request: ApiRequest[NoBody, NoQuery]
) -> ApiResponse | Refused:
    of = await find_task(deps, request)
    if isinstance(of, Refused):
        return of
    link = await invites.own_link(_stores(deps), of.drop_id, request.identity, request.now)
    if isinstance(link, Refused):
        return link
    slug = await _slug(deps, link.room, request.now)
    page = f"/rooms/{link.room}" if slug is None else f"/c/{slug}"
    return ApiResponse(
        InviteResponse(
            drop_id=of.drop_id,
            code=link.code,
            url=f"{deps.pages_url or deps.public_url}{page}#invite={link.code}",
            **progress_to_json(link.progress),  # type: ignore[arg-type]
        )
    )


async def arrive(
    deps: ApiDependencies, request: ApiRequest[InvitationBody, NoQuery]
) -> ApiResponse | Refused:
    wait_ms = deps.claim_limiter.admit(request.identity.subject, request.now)
    if wait_ms is not None:
        return Refused(Code.RATE_LIMITED, facts={"retry_after_s": -(-wait_ms // 1000)})
    found = await invites.arrive(_stores(deps), request.body.code, request.identity, request.now)
    if isinstance(found, Refused):
        return found
    slug = await _slug(deps, found.room, request.now)
    return ApiResponse(
        InvitationResponse(
            drop_id=found.drop_id,
            room=found.room if slug is None else None,
            link=slug,
            counted=found.reason is None,
            reason=None if found.reason is None else found.reason.value,
        )
    )


async def _slug(deps: ApiDependencies, room: str, now: int) -> str | None:
    """Return the name in the address of the link whose drop lies in this room; None for a class."""
    link_id = link_of(room)
    card = await deps.link_cards.to_claim(_stores(deps), link_id, now) if link_id else None
    return card.link.slug if card is not None else None


def _stores(deps: ApiDependencies) -> Stores:
    return Stores(deps.ledger, deps.drop_desk, deps.feed)


ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="POST",
        path="/v1/drops/{id}/invite",
        rule=auth.STUDENT,
        handler=invite,
        response=InviteResponse,
        summary="Get one's own link, where the task of a drop is to invite. Repeatable",
        refuses=(Code.WRONG_ROOM, Code.RATE_LIMITED, Code.WRONG_STATE),
    ),
    Endpoint(
        method="POST",
        path="/v1/invitations",
        rule=auth.STUDENT,
        handler=arrive,
        body=InvitationBody,
        response=InvitationResponse,
        summary="Say by whose link one came. Repeatable",
        refuses=(Code.NOT_FOUND, Code.RATE_LIMITED),
    ),
)
