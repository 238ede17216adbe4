"""/livez, /readyz, /metrics: for whoever runs the service. No token, no secrets, no ids.

Behind one port with several web processes an answer is that of the process which happened to take
the connection; metrics therefore carry a `process` label, and a scraper that needs them all scrapes
often enough or is given each process's own port.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.api.parts import ApiParts
from server.api.plain import Endpoint, PlainCall

CALLS = (
    PlainCall("/livez", "Does this process still turn?", "application/json"),
    PlainCall("/readyz", "Can it do its work now?", "application/json"),
    PlainCall("/metrics", "Figures for Prometheus", "text/plain"),
)


def health_routes(parts: ApiParts) -> list[BaseRoute]:
    return [
        Route("/livez", _livez(parts)),
        Route("/readyz", _readyz(parts)),
        Route("/metrics", _metrics(parts)),
    ]


def _livez(parts: ApiParts) -> Endpoint:
    async def livez(_request: Request) -> Response:
        return _verdict(*await parts.health.livez())

    return livez


def _readyz(parts: ApiParts) -> Endpoint:
    async def readyz(_request: Request) -> Response:
        return _verdict(*await parts.health.readyz())

    return readyz


def _metrics(parts: ApiParts) -> Endpoint:
    labelled = _OfProcess(parts.metrics.registry, parts.process)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(labelled), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return metrics


def _verdict(is_good: bool, checks: Mapping[str, object]) -> Response:
    return Response(
        orjson.dumps(dict(checks)),
        200 if is_good else 503,
        {"Cache-Control": "no-store"},
        "application/json",
    )


@dataclass(frozen=True, slots=True)
class _OfProcess:
    """The registry's figures, each with a label more."""

    registry: CollectorRegistry
    process: str

    def collect(self) -> Iterator[Metric]:
        for metric in self.registry.collect():
            found = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            found.samples = [
                sample._replace(labels={**sample.labels, "process": self.process})
                for sample in metric.samples
            ]
            yield found
