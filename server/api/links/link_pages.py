"""Calls that anybody may make of a link, without a token: its card, and to be counted as a visitor.

GET reads from memory and changes nothing, because crawlers and scanners follow every link. A visitor is
counted by a POST of the page's script.
"""

import re

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.api.http import request_body
from server.api.http.dependencies import ApiDependencies
from server.api.http.problems import problem
from server.api.http.public_endpoints import PublicEndpoint, RequestHandler
from server.core.refusals import Code, Refused, invalid_field
from server.desk import DeskUnavailableError
from server.flows.stores import Stores
from server.ledger.database_errors import LedgerUnavailableError

_VISITOR = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")

PUBLIC_ENDPOINTS = (
    PublicEndpoint(
        "/v1/links/{id}/card",
        "What a visitor sees of a link, by its slug or id",
        "application/json",
    ),
    PublicEndpoint(
        "/v1/links/{id}/opened",
        "Count a visitor of a link's page: {visitor}, 8 to 64 characters",
        "application/json",
        "post",
    ),
)


def link_page_routes(deps: ApiDependencies) -> list[BaseRoute]:
    return [
        Route("/v1/links/{id}/card", _card(deps)),
        Route("/v1/links/{id}/opened", _opened(deps), methods=["POST"]),
    ]


def _card(deps: ApiDependencies) -> RequestHandler:
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed)

    async def card(request: Request) -> Response:
        name = request.path_params["id"]
        if not _NAME.fullmatch(name):
            return problem(Refused(Code.NOT_FOUND))
        try:
            kept = await deps.link_cards.to_show(stores, name, deps.clock())
        except (DeskUnavailableError, LedgerUnavailableError):
            return problem(Refused(Code.UNAVAILABLE))
        if kept is None:
            return problem(Refused(Code.NOT_FOUND))
        return Response(kept.json, media_type="application/json")

    return card


def _opened(deps: ApiDependencies) -> RequestHandler:
    stores = Stores(deps.ledger, deps.drop_desk, deps.feed)

    async def opened(request: Request) -> Response:
        raw = await request_body.read_body(request, 1_024)
        if isinstance(raw, Refused):
            return problem(raw)
        visitor = _visitor_in(raw)
        if visitor is None:
            return problem(invalid_field("visitor", "bad_format"))
        name = request.path_params["id"]
        if not _NAME.fullmatch(name):
            return problem(Refused(Code.NOT_FOUND))
        try:
            card = await deps.link_cards.to_claim(stores, name, deps.clock())
            if card is None:
                return problem(Refused(Code.NOT_FOUND))
            await deps.feed.add_opened(card.drop.room, visitor)
        except (DeskUnavailableError, LedgerUnavailableError):
            return problem(Refused(Code.UNAVAILABLE))
        return Response(b'{"counted":true}', media_type="application/json")

    return opened


def _visitor_in(raw: bytes) -> str | None:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    visitor = found.get("visitor") if isinstance(found, dict) else None
    return visitor if isinstance(visitor, str) and _VISITOR.fullmatch(visitor) else None
