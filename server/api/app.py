"""The HTTP application, whole: the table of calls, routed and guarded.

Called by the composition root of a web process, which hands in everything (`ApiDependencies`) and the pages'
routes with it. No globals: two applications in one process do not know each other.
"""

from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ExceptionHandler

from server.api import acts
from server.api.checkout import balances, order_records, quotes, redemptions, refunds
from server.api.coupons import codes, wallet, wallet_codes
from server.api.drops import claims, drops, rooms
from server.api.http import docs, health
from server.api.http.dependencies import ApiDependencies
from server.api.http.dispatch import endpoint
from server.api.http.endpoints import AnyCall
from server.api.http.openapi import document
from server.api.http.problems import problem
from server.api.http.public_endpoints import Endpoint
from server.api.http.security_headers import Edge, EdgePolicy
from server.api.promotions import batch_edits, batches, campaigns, stops, templates
from server.core.refusals import Code, Refused

__all__ = ["ApiDependencies", "build_app"]

# The contract's HTTP table.
CALLS: tuple[AnyCall, ...] = (
    *templates.CALLS,
    *campaigns.CALLS,
    *batches.CALLS,
    *batch_edits.CALLS,
    *codes.CALLS,
    *drops.CALLS,
    *rooms.CALLS,
    *claims.CALLS,
    *wallet.CALLS,
    *balances.CALLS,
    *wallet_codes.CALLS,
    *quotes.CALLS,
    *redemptions.CALLS,
    *acts.CALLS,
    *order_records.CALLS,
    *refunds.CALLS,
    *stops.CALLS,
)


def build_app(parts: ApiDependencies) -> Starlette:
    policy = EdgePolicy(parts.public_url, parts.allowed_origins)
    described = document(CALLS, (*health.CALLS, *docs.CALLS), version("classdrop"))
    app = Starlette(
        routes=[
            *_call_routes(parts),
            *health.health_routes(parts),
            *docs.docs_routes(described),
            *parts.extra_routes,
        ],
        middleware=[Middleware(Edge, policy=policy)],
        exception_handlers={HTTPException: _not_routed(parts), Exception: _broken(policy)},
    )
    # A path is right or wrong; a redirect would be made of whatever Host the caller sent.
    app.router.redirect_slashes = False
    return app


def _call_routes(parts: ApiDependencies) -> list[BaseRoute]:
    """One route a path, so that a wrong method is told all the right ones."""
    paths: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for call in CALLS:
        paths[call.path][call.method] = endpoint(call, parts)
    return [
        Route(_routed(path), _by_method(methods), methods=list(methods))
        for path, methods in paths.items()
    ]


def _routed(path: str) -> str:
    """As Starlette has it. A school's order id may have a `/`, which comes decoded."""
    return path.replace("{order_id}", "{order_id:path}")


def _by_method(methods: Mapping[str, Endpoint]) -> Endpoint:
    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return serve


def _not_routed(parts: ApiDependencies) -> ExceptionHandler:
    """Unknown path, wrong method, or a page that is not there. People are answered with a page."""

    def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = Code.WRONG_METHOD if error.status_code == 405 else Code.NOT_FOUND
        refused = problem(Refused(code), error.headers)
        if parts.lost_page is None or not _is_for_people(request):
            return refused
        page = parts.lost_page(request, refused.status_code)
        page.headers.update(error.headers or {})
        return page

    return answer


def _is_for_people(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get(
        "accept", ""
    )


def _broken(policy: EdgePolicy) -> ExceptionHandler:
    """A bug of ours. It is raised again behind this answer, for the log; the caller is told nothing
    of it. This is outside the layer that completes headers, so they are completed here."""

    def answer(request: Request, _error: Exception) -> Response:
        response = problem(Refused(Code.INTERNAL))
        policy.complete(response.headers, request.scope["path"], request.headers.get("origin"))
        return response

    return answer
