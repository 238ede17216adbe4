"""The complete HTTP application: every endpoint, routed, with the security headers of each response.

Called by the composition root of a web process, which passes in all dependencies (`ApiDependencies`),
the pages' routes among them. There are no globals: two applications in one process are independent.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ExceptionHandler

from server.api import acts
from server.api.access import blocks, instructors, revocations, watch
from server.api.alerts import alerts
from server.api.approvals import approvals
from server.api.audiences import audiences, imports, student_events, students
from server.api.checkout import (
    balances,
    order_list,
    order_records,
    quotes,
    redemptions,
    refunds,
)
from server.api.consistency import consistency
from server.api.coupons import (
    codes,
    coupon_list,
    import_results,
    issuances,
    packs,
    wallet,
    wallet_codes,
    wallet_qr,
)
from server.api.draws import draws
from server.api.drops import claims, drop_qr, drops, prepared_drops, receipts, rooms
from server.api.events import events, messages, triggers, webhooks
from server.api.experiments import experiments
from server.api.guides import pages as guides
from server.api.http import health
from server.api.http.dependencies import ApiDependencies
from server.api.http.dispatch import request_handler
from server.api.http.document import docs
from server.api.http.document.openapi import document
from server.api.http.endpoints import AnyEndpoint
from server.api.http.problems import problem
from server.api.http.public_endpoints import RequestHandler
from server.api.http.security_headers import SecurityHeaders, SecurityPolicy
from server.api.links import link_pages, links, tickets
from server.api.lotteries import lotteries, spins
from server.api.offers import my_offers, offers, prompts, rosters
from server.api.promotions import batch_edits, batches, campaigns, price_rules, stops, templates
from server.api.reports import reports
from server.api.stage import running_order, screens
from server.api.statements import statements
from server.api.students import find, jobs, merge, records
from server.api.tasks import invites, tasks
from server.core.refusals import Code, Refused

__all__ = ["ApiDependencies", "build_app"]

# The endpoints of the contract's table, in its order: it is also the order of /openapi.json.
ENDPOINTS: tuple[AnyEndpoint, ...] = (
    *templates.ENDPOINTS,
    *campaigns.ENDPOINTS,
    *batches.ENDPOINTS,
    *batch_edits.ENDPOINTS,
    *price_rules.ENDPOINTS,
    *codes.ENDPOINTS,
    *students.ENDPOINTS,
    *student_events.ENDPOINTS,
    *issuances.ENDPOINTS,
    *packs.ENDPOINTS,
    *offers.ENDPOINTS,
    *my_offers.ENDPOINTS,
    *rosters.ENDPOINTS,
    *prompts.ENDPOINTS,
    *lotteries.ENDPOINTS,
    *statements.ENDPOINTS,
    *reports.ENDPOINTS,
    *experiments.ENDPOINTS,
    *spins.ENDPOINTS,
    *audiences.ENDPOINTS,
    *imports.ENDPOINTS,
    *import_results.ENDPOINTS,
    *triggers.ENDPOINTS,
    *drops.ENDPOINTS,
    *drop_qr.ENDPOINTS,
    *prepared_drops.ENDPOINTS,
    *running_order.ENDPOINTS,
    *screens.ENDPOINTS,
    *rooms.ENDPOINTS,
    *claims.ENDPOINTS,
    *tasks.ENDPOINTS,
    *invites.ENDPOINTS,
    *links.ENDPOINTS,
    *tickets.ENDPOINTS,
    *draws.ENDPOINTS,
    *receipts.ENDPOINTS,
    *wallet.ENDPOINTS,
    *balances.ENDPOINTS,
    *wallet_codes.ENDPOINTS,
    *wallet_qr.ENDPOINTS,
    *quotes.ENDPOINTS,
    *redemptions.ENDPOINTS,
    *messages.ENDPOINTS,
    *find.ENDPOINTS,
    *records.ENDPOINTS,
    *merge.ENDPOINTS,
    *jobs.ENDPOINTS,
    *acts.ENDPOINTS,
    *order_list.ENDPOINTS,
    *coupon_list.ENDPOINTS,
    *order_records.ENDPOINTS,
    *refunds.ENDPOINTS,
    *stops.ENDPOINTS,
    *events.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *blocks.ENDPOINTS,
    *revocations.ENDPOINTS,
    *instructors.ENDPOINTS,
    *watch.ENDPOINTS,
    *alerts.ENDPOINTS,
    *approvals.ENDPOINTS,
    *consistency.ENDPOINTS,
)


def build_app(deps: ApiDependencies) -> Starlette:
    """Build the ASGI application that a web process serves."""
    policy = SecurityPolicy(deps.public_url, deps.allowed_origins)
    app = Starlette(
        routes=[
            *_endpoint_routes(deps),
            *link_pages.link_page_routes(deps),
            *tickets.ticket_routes(deps),
            *health.health_routes(deps),
            *docs.docs_routes(_openapi, guides.show_start(docs.PAGE_POLICY)),
            *guides.guide_routes(),
            *deps.extra_routes,
        ],
        middleware=[Middleware(SecurityHeaders, policy=policy)],
        exception_handlers={HTTPException: _on_not_routed(deps), Exception: _on_bug(policy)},
    )
    # Starlette's redirect for a trailing slash would be built from the Host header, which the client
    # chooses. A wrong path is not_found instead.
    app.router.redirect_slashes = False
    return app


@cache  # it depends on the code alone
def _openapi() -> Mapping[str, object]:
    public = (
        *health.PUBLIC_ENDPOINTS,
        *docs.PUBLIC_ENDPOINTS,
        *link_pages.PUBLIC_ENDPOINTS,
        *tickets.PUBLIC_ENDPOINTS,
    )
    return document(ENDPOINTS, public, version("classdrop"))


def _endpoint_routes(deps: ApiDependencies) -> list[BaseRoute]:
    """Return one route for each path, so that the response to a wrong method lists all allowed ones."""
    paths: dict[str, dict[str, RequestHandler]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        paths[endpoint.path][endpoint.method] = request_handler(endpoint, deps)
    return [
        Route(_starlette_path(path), _by_method(methods), methods=list(methods))
        for path, methods in paths.items()
    ]


def _starlette_path(path: str) -> str:
    """Let `{order_id}` match slashes: a school's order id may have a `/`, which arrives decoded."""
    return path.replace("{order_id}", "{order_id:path}")


def _by_method(methods: Mapping[str, RequestHandler]) -> RequestHandler:
    async def serve(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return serve


def _on_not_routed(deps: ApiDependencies) -> ExceptionHandler:
    """Respond to an unknown path or a wrong method: with a page to a browser, else with a problem."""

    def respond(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = Code.WRONG_METHOD if error.status_code == 405 else Code.NOT_FOUND
        refused = problem(Refused(code), error.headers)
        if deps.lost_page is None or not _is_browser_navigation(request):
            return refused
        page = deps.lost_page(request, refused.status_code)
        page.headers.update(error.headers or {})
        return page

    return respond


def _is_browser_navigation(request: Request) -> bool:
    return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get(
        "accept", ""
    )


def _on_bug(policy: SecurityPolicy) -> ExceptionHandler:
    """Respond 500 without details to an exception that nobody handled.

    Starlette raises the exception again after this response, so it is logged. Its error middleware is
    outside `SecurityHeaders`, so the headers are completed here.
    """

    def respond(request: Request, _error: Exception) -> Response:
        response = problem(Refused(Code.INTERNAL))
        policy.complete(response.headers, request.scope["path"], request.headers.get("origin"))
        return response

    return respond
