"""The shop's endpoints, /shop/…: called by its page with a student's token, or an operator's for refunds.

Made by the composition root of a `web` process. Checks token and body; `checkout` does the rest.
"""

import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import httpx
import orjson
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server.core import media_types
from server.core.identity import Identity, Role
from server.demo_shop import catalogue
from server.demo_shop.bodies import OrderBody, PayBody, QuoteBody, RefundBody
from server.demo_shop.checkout import Checkout
from server.demo_shop.classdrop import Classdrop
from server.demo_shop.order_book import OrderBook
from server.demo_shop.refusal import NOT_FOUND, Json, Refusal, bad_field
from server.tokens import TokenExpiredError, TokenInvalidError, TokenKeys

_MAX_BYTES: Final = 16 * 1024
_RESPONSE_SECONDS: Final = 8.0  # the page gives up after 10
_ORDER: Final = "/shop/orders/{order}"
_ORDER_ID: Final = re.compile(r"[A-Za-z0-9-]{8,60}")
_MAX_SEARCH_CHARS: Final = 100
_PREFIX: Final = "/shop/"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_BUYER: Final = frozenset({Role.STUDENT})
_OPERATOR: Final = frozenset({Role.OPERATOR})
_READER: Final = _BUYER | _OPERATOR

_B = TypeVar("_B", bound=BaseModel)
Handler = Callable[[Identity, Request], Awaitable[Json | Refusal]]


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """The dependencies of the shop. `url`: where Classdrop listens. `clock`: ms since 1970 UTC."""

    url: str
    data_dir: Path
    keys: TokenKeys
    clock: Callable[[], int]


@asynccontextmanager
async def demo_shop(facts: ShopFacts) -> AsyncIterator[ASGIApp]:
    # trust_env=False: a proxy of the environment must not be between two parts of one machine.
    async with httpx.AsyncClient(
        base_url=facts.url, timeout=_RESPONSE_SECONDS, trust_env=False
    ) as http:
        yield shop_app(http, facts)


def shop_app(http: httpx.AsyncClient, facts: ShopFacts) -> ASGIApp:
    """Return the shop as an ASGI application. `http` is the client of Classdrop's API."""
    orders = OrderBook(facts.data_dir / "shop.sqlite3")
    handlers = _Handlers(Checkout(Classdrop(http, facts.keys, facts.clock), orders, facts.clock))
    authorizer = _Authorizer(facts.keys, facts.clock)
    routes = [
        authorizer.route("/shop/catalogue", GET=(_READER, handlers.catalogue)),
        authorizer.route("/shop/quotes", POST=(_BUYER, handlers.quote)),
        authorizer.route("/shop/orders", GET=(_READER, handlers.orders)),
        authorizer.route(_ORDER, GET=(_READER, handlers.order), PUT=(_BUYER, handlers.place)),
        authorizer.route(f"{_ORDER}/pay", POST=(_BUYER, handlers.pay)),
        authorizer.route(f"{_ORDER}/cancel", POST=(_BUYER, handlers.cancel)),
        authorizer.route(f"{_ORDER}/refunds", POST=(_OPERATOR, handlers.refund)),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _not_routed})


def route_shop_paths(app: ASGIApp, shop: ASGIApp) -> ASGIApp:
    """Return an application that sends the paths under /shop/ to `shop`, and all others to `app`."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_shop = scope["type"] == "http" and scope["path"].startswith(_PREFIX)
        await (shop if is_shop else app)(scope, receive, send)

    return serve


class _Authorizer:
    """Checks the token and its role before a handler is called."""

    def __init__(self, keys: TokenKeys, clock: Callable[[], int]) -> None:
        self._keys = keys
        self._clock = clock

    def route(self, path: str, **methods: tuple[frozenset[Role], Handler]) -> Route:
        async def serve(request: Request) -> Response:
            roles, handler = methods["GET" if request.method == "HEAD" else request.method]
            return _response(await self._answer(request, roles, handler))

        return Route(path, serve, methods=list(methods))

    async def _answer(
        self, request: Request, roles: frozenset[Role], handler: Handler
    ) -> Json | Refusal:
        who = self._identify(request.headers.get("authorization", ""))
        if isinstance(who, Refusal):
            return who
        if who.role not in roles:
            return Refusal(403, "wrong_role")
        if not _ORDER_ID.fullmatch(request.path_params.get("order", "none-named")):
            return NOT_FOUND
        return await handler(who, request)

    def _identify(self, authorization: str) -> Identity | Refusal:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return Refusal(401, "token_missing")
        try:
            return self._keys.verify(token.strip(), self._clock())
        except TokenExpiredError:
            return Refusal(401, "token_expired")
        except TokenInvalidError as error:
            claim = {"claim": error.claim} if error.claim else {}
            return Refusal(401, "token_invalid", {"reason": error.reason.value, **claim})


class _Handlers:
    """The handler of each endpoint: parses the body and calls the checkout."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    async def catalogue(self, _who: Identity, _request: Request) -> Json | Refusal:
        return catalogue.catalogue_response()

    async def quote(self, who: Identity, request: Request) -> Json | Refusal:
        body = await _parse_body(request, QuoteBody)
        return body if isinstance(body, Refusal) else await self._checkout.quote(who.subject, body)

    async def orders(self, who: Identity, request: Request) -> Json | Refusal:
        search = request.query_params.get("search", "")
        if len(search) > _MAX_SEARCH_CHARS:
            return bad_field("search", "too_long")
        return await self._checkout.newest(_student(who), search)

    async def order(self, who: Identity, request: Request) -> Json | Refusal:
        return await self._checkout.show(request.path_params["order"], _student(who))

    async def place(self, who: Identity, request: Request) -> Json | Refusal:
        body = await _parse_body(request, OrderBody)
        if isinstance(body, Refusal):
            return body
        return await self._checkout.place(request.path_params["order"], who.subject, body)

    async def pay(self, who: Identity, request: Request) -> Json | Refusal:
        body = await _parse_body(request, PayBody)
        if isinstance(body, Refusal):
            return body
        return await self._checkout.pay(request.path_params["order"], who.subject, body.paid)

    async def cancel(self, who: Identity, request: Request) -> Json | Refusal:
        return await self._checkout.cancel(request.path_params["order"], who.subject)

    async def refund(self, _who: Identity, request: Request) -> Json | Refusal:
        body = await _parse_body(request, RefundBody)
        if isinstance(body, Refusal):
            return body
        return await self._checkout.refund(request.path_params["order"], body)


def _student(who: Identity) -> str | None:
    """Return the student whose orders the caller may see. None: an operator, who sees all orders."""
    return who.subject if who.role is Role.STUDENT else None


async def _parse_body(request: Request, model: type[_B]) -> _B | Refusal:
    raw = bytearray()
    try:
        async for part in request.stream():
            raw += part
            if len(raw) > _MAX_BYTES:
                return Refusal(413, "too_large")
        if raw and _media_type_fault(request) is not None:
            return Refusal(415, "unsupported_media_type")
        return model.model_validate_json(bytes(raw.removeprefix(BOM_UTF8)) or b"{}")
    except ClientDisconnect:
        return bad_field("", "cut_short")
    except ValidationError as error:
        place = ".".join(str(each) for each in error.errors()[0]["loc"])
        return bad_field(place, "invalid")


def _media_type_fault(request: Request) -> str | None:
    headers = request.headers
    return media_types.media_type_fault(
        headers.get("content-type"), headers.get("content-encoding")
    )


def _not_routed(_request: Request, error: Exception) -> Response:
    wrong_method = isinstance(error, HTTPException) and error.status_code == 405
    return _response(Refusal(405, "wrong_method") if wrong_method else NOT_FOUND)


def _response(answer: Json | Refusal) -> Response:
    if not isinstance(answer, Refusal):
        return Response(orjson.dumps(answer), 200, _HEADERS, "application/json")
    problem = {**answer.facts, "status": answer.status, "code": answer.code}
    return Response(orjson.dumps(problem), answer.status, _HEADERS, "application/problem+json")
