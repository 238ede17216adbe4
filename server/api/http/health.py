"""/livez, /readyz, /metrics: for whoever runs the service. No token, no secrets, no ids.

Behind one port with several web processes `/livez` and `/readyz` answer for the process which happened
to take the connection, `/metrics` for all of the installation (commands/process/metrics_aggregation.py).
"""

from collections.abc import Mapping

import orjson
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.api.http.dependencies import ApiDependencies
from server.api.http.public_endpoints import Endpoint, PlainCall

CALLS = (
    PlainCall("/livez", "Does this process still turn?", "application/json"),
    PlainCall("/readyz", "Can it do its work now?", "application/json"),
    PlainCall("/metrics", "Figures for Prometheus", "text/plain"),
)


def health_routes(parts: ApiDependencies) -> list[BaseRoute]:
    return [
        Route("/livez", _livez(parts)),
        Route("/readyz", _readyz(parts)),
        Route("/metrics", _metrics(parts)),
    ]


def _livez(parts: ApiDependencies) -> Endpoint:
    async def livez(_request: Request) -> Response:
        return _verdict(*await parts.health.livez())

    return livez


def _readyz(parts: ApiDependencies) -> Endpoint:
    async def readyz(_request: Request) -> Response:
        return _verdict(*await parts.health.readyz())

    return readyz


def _metrics(parts: ApiDependencies) -> Endpoint:
    async def metrics(_request: Request) -> Response:
        return Response(await parts.figures(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


def _verdict(is_good: bool, checks: Mapping[str, object]) -> Response:
    return Response(
        orjson.dumps(dict(checks)),
        200 if is_good else 503,
        {"Cache-Control": "no-store"},
        "application/json",
    )
