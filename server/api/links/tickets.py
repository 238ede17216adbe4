"""The changing QR code of a drop: its ticket for the screen, and what a student does with one.

The screen of a class shows a code that changes every 20 s. Whoever scans it opens /q/{ticket}, sees the card,
and claims of this drop alone, also where their token lacks the room. The claim has the source `qr`. A ticket
that is over lets nobody in; who has won by it before is still told so.
"""

from typing import Annotated

import orjson
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.api.drops.claims import (
    ClaimResponse,
    DropClaimBody,
    Entrance,
    answer_of,
    count_as_seen,
    respond_to,
)
from server.api.drops.drops import drop_and_room, service_of
from server.api.http import auth
from server.api.http.caches.drop_cards import DropCards
from server.api.http.dependencies import ApiDependencies
from server.api.http.endpoints import (
    AnyEndpoint,
    ApiRequest,
    ApiResponse,
    Endpoint,
    NoBody,
    NoQuery,
)
from server.api.http.fields import Moment, ResponseModel
from server.api.http.problems import problem
from server.api.http.public_endpoints import PublicEndpoint, RequestHandler
from server.api.http.qr_codes import QrQuery, qr_svg
from server.core import instants
from server.core.coupons.claim_sources import MAX_REQUEST_BEHIND_MARK, QR_MARK
from server.core.drops.claims import Outcome
from server.core.drops.drops import DropState
from server.core.ids import DropId
from server.core.links.tickets import PURPOSE, Ticket, make_ticket, read_ticket
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.flows.stores import Stores
from server.frames import wire
from server.ledger.database_errors import LedgerUnavailableError

# A ticket that is over wins nothing; these outcomes only repeat what the student has.
_HAS = frozenset({Outcome.WON, Outcome.ALREADY_WON, Outcome.ENTERED, Outcome.RELEASED})
_SHOWN = (DropState.SCHEDULED, DropState.OPEN, DropState.SOLD_OUT)


class TicketResponse(ResponseModel):
    """A ticket for the screen. `svg`: the QR code of `url`. At `changes_at` the next one is to be shown; this
    one lets nobody in from `good_until` on."""

    ticket: str
    url: str
    svg: str
    changes_at: Moment
    good_until: Moment


class TicketClaimBody(DropClaimBody):
    """The body of a claim of a drop, with 63 characters of `request_id` at most."""

    request_id: Annotated[
        str,
        StringConstraints(
            min_length=1, max_length=MAX_REQUEST_BEHIND_MARK, pattern=r"^[A-Za-z0-9._:-]+$"
        ),
        Field(description="The id of this tap, the same in every repetition."),
    ]


async def show(
    deps: ApiDependencies, request: ApiRequest[NoBody, QrQuery]
) -> ApiResponse | Refused:
    found = await service_of(deps, request).get(*drop_and_room(request), request.now)
    if isinstance(found, Refused):
        return found
    if found.state not in _SHOWN:
        return Refused(Code.WRONG_STATE, "the drop cannot be claimed now")
    keys = deps.token_keys.derive(PURPOSE)
    ticket = make_ticket(keys[0], DropId(found.id), request.now)
    url = f"{deps.pages_url or deps.public_url}/q/{ticket.text}"
    return ApiResponse(
        TicketResponse(
            ticket=ticket.text,
            url=url,
            svg=qr_svg(url, request.query.size).decode(),
            changes_at=ticket.changes_at,
            good_until=ticket.good_until,
        ),
        headers={"Cache-Control": "no-store"},
    )


async def claim(
    deps: ApiDependencies, request: ApiRequest[TicketClaimBody, NoQuery]
) -> ApiResponse | Refused:
    ticket = _read(deps, request.path["ticket"], request.now)
    if isinstance(ticket, Refused):
        return ticket
    drop = await deps.drop_lookup.find(deps.ledger, ticket.drop_id, (), request.now)
    if drop is None:
        return Refused(Code.NOT_FOUND)
    is_over = ticket.is_over(request.now)
    answer = await answer_of(deps, request, ticket.drop_id, drop, Entrance(QR_MARK, is_over))
    if is_over and answer.outcome.is_final and answer.outcome not in _HAS:
        return Refused(Code.TICKET_EXPIRED)
    if not is_over:
        await count_as_seen(deps, drop, ticket.drop_id, request.identity.subject)
    return await respond_to(deps, request, ticket.drop_id, drop, answer)


def _read(deps: ApiDependencies, text: str, now: int) -> Ticket | Refused:
    return read_ticket(deps.token_keys.derive(PURPOSE), text, now)


def ticket_routes(deps: ApiDependencies) -> list[BaseRoute]:
    return [Route("/v1/tickets/{ticket}/card", _card(deps, DropCards()))]


def _card(deps: ApiDependencies, cards: DropCards) -> RequestHandler:
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed)

    async def card(request: Request) -> Response:
        now = deps.clock()
        ticket = _read(deps, request.path_params["ticket"], now)
        if isinstance(ticket, Refused):
            return problem(ticket)
        if ticket.is_over(now):
            return problem(Refused(Code.TICKET_EXPIRED))
        try:
            found = await cards.to_show(stores, ticket.drop_id, now)
        except (DeskUnavailableError, LedgerUnavailableError):
            return problem(Refused(Code.UNAVAILABLE))
        if found is None:
            return problem(Refused(Code.NOT_FOUND))
        fields = {
            "room": found.drop.room,
            "good_until": instants.to_text(ticket.good_until),
            "drop": wire.public_drop(found.drop, found.state, found.remaining),
        }
        headers = {"Cache-Control": "no-store"}
        return Response(orjson.dumps(fields), headers=headers, media_type="application/json")

    return card


PUBLIC_ENDPOINTS = (
    PublicEndpoint(
        "/v1/tickets/{ticket}/card",
        "What a visitor sees by a ticket of the changing QR code, while it is good",
        "application/json",
    ),
)

ENDPOINTS: tuple[AnyEndpoint, ...] = (
    Endpoint(
        method="GET",
        path="/v1/rooms/{room}/drops/{id}/ticket",
        rule=auth.SCREEN_READ,
        handler=show,
        query=QrQuery,
        response=TicketResponse,
        summary="The changing QR code of a drop, for the screen: good for 60 s, another one every 20 s",
        refuses=(Code.WRONG_STATE,),
    ),
    Endpoint(
        method="POST",
        path="/v1/tickets/{ticket}/claims",
        rule=auth.STUDENT,
        handler=claim,
        body=TicketClaimBody,
        response=ClaimResponse,
        summary="Claim by a ticket of the changing QR code; responds 200 with every outcome",
        refuses=(Code.TICKET_INVALID, Code.TICKET_EXPIRED),
    ),
)
