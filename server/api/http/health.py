"""/livez, /readyz and /metrics for operators: no token, and no secrets or ids in the response.

Where several web processes share the port, `/livez` and `/readyz` describe the process that accepted the
connection. `/metrics` covers the whole installation (commands/process/metrics_aggregation.py).
"""

from collections.abc import Mapping

import orjson
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.api.http.dependencies import ApiDependencies
from server.api.http.public_endpoints import PublicEndpoint, RequestHandler

PUBLIC_ENDPOINTS = (
    PublicEndpoint("/livez", "Is this process alive?", "application/json"),
    PublicEndpoint("/readyz", "Is this process ready to serve?", "application/json"),
    PublicEndpoint("/metrics", "Metrics in Prometheus' text format", "text/plain"),
)


def health_routes(deps: ApiDependencies) -> list[BaseRoute]:
    return [
        Route("/livez", _livez(deps)),
        Route("/readyz", _readyz(deps)),
        Route("/metrics", _metrics(deps)),
    ]


def _livez(deps: ApiDependencies) -> RequestHandler:
    async def livez(_request: Request) -> Response:
        return _health_response(*await deps.health.livez())

    return livez


def _readyz(deps: ApiDependencies) -> RequestHandler:
    async def readyz(_request: Request) -> Response:
        return _health_response(*await deps.health.readyz())

    return readyz


def _metrics(deps: ApiDependencies) -> RequestHandler:
    async def metrics(_request: Request) -> Response:
        return Response(await deps.metrics_text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


def _health_response(is_good: bool, checks: Mapping[str, object]) -> Response:
    return Response(
        orjson.dumps(dict(checks)),
        200 if is_good else 503,
        {"Cache-Control": "no-store"},
        "application/json",
    )
