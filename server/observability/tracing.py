"""Traces of a press and of a tap across processes, sent by OpenTelemetry to CLASSDROP_TRACES_URL.

Made by the composition roots where the setting is given; called by the API, the gateway and the worker's
claims loop. A leaf: knows ids and times, not what they are for. Needs the extra `traces`
(opentelemetry-sdk and its OTLP exporter).

The trace id of a press is a hash of its drop's id, that of a tap a hash of its claim's id. So each process
finds the trace of what it works on by itself, and neither a frame, nor the feed, nor the outbox carries
more bytes. The choice which claims are traced follows from the trace id too, so all processes make the same.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from hashlib import blake2b
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

PRESS: Final = "press"  # the teacher's request, until it is answered
CARD: Final = "card"  # from the publication of a drop to the last socket of one room and process
TAP: Final = "tap"  # a claim that won, until it is answered
PERSIST: Final = "persist"  # a worker: from the outbox to the ledger, back to desk and feed
CONFIRMED: Final = "confirmed"  # from the win to the student's socket
_EXPORT_SECONDS: Final = 5.0
_LOW_64_BITS: Final = (1 << 64) - 1
_log = structlog.get_logger()


class Traces:
    """Spans of one process. `ratio`, from 0 to 1: the part of claims that is traced; every press is.

    Each method takes times in ms since 1970 UTC, and returns at once: a thread of the library sends what was
    recorded, and drops what does not fit into its queue of 2,048 spans.
    """

    def __init__(self, tracer: "Tracer", ids: "_GivenIds", ratio: float) -> None:
        self._tracer = tracer
        self._ids = ids
        self._bound = round(ratio * (1 << 64))

    def press(self, drop_id: str, room: str, begun: int, ended: int) -> None:
        """Record a press: the root of its trace."""
        self._span(drop_id, PRESS, None, (begun, ended), {"drop": drop_id, "room": room})

    def card(self, drop_id: str, room: str, process: str, begun: int, ended: int) -> None:
        """Record that the members of a room in this process have a drop's card. `process`: its id."""
        told = {"drop": drop_id, "room": room, "process": process}
        self._span(drop_id, CARD, PRESS, (begun, ended), told)

    def is_traced(self, claim_id: str) -> bool:
        """Return whether this claim is in the part that is traced."""
        return _trace_id(claim_id) & _LOW_64_BITS < self._bound

    def tap(self, claim_id: str, drop_id: str, begun: int, ended: int) -> None:
        """Record a claim that won: the root of its trace."""
        if self.is_traced(claim_id):
            told = {"claim": claim_id, "drop": drop_id}
            self._span(claim_id, TAP, None, (begun, ended), told)

    def persisted(self, claim_ids: Iterable[str], begun: int, ended: int) -> None:
        """Record that these claims were written together."""
        for claim_id in claim_ids:
            if self.is_traced(claim_id):
                self._span(claim_id, PERSIST, TAP, (begun, ended), {"claim": claim_id})

    def confirmed(self, claim_id: str, won_at: int, ended: int) -> None:
        """Record that the student was told of the coupon."""
        if self.is_traced(claim_id):
            self._span(claim_id, CONFIRMED, TAP, (won_at, ended), {"claim": claim_id})

    def _span(
        self,
        key: str,
        name: str,
        parent: str | None,
        times: tuple[int, int],
        attributes: Mapping[str, str],
    ) -> None:
        from opentelemetry import trace  # noqa: PLC0415  (an optional extra)

        trace_id, (begun, ended) = _trace_id(key), times
        context = None
        # Roots have ids that every process can compute; there are several of the others.
        which = ""
        if parent is not None:
            which = f"{begun} {attributes.get('process', '')}"
            flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
            above = trace.SpanContext(trace_id, _span_id(key, parent, ""), True, flags)
            context = trace.set_span_in_context(trace.NonRecordingSpan(above))
        self._ids.following = trace_id, _span_id(key, name, which)
        span = self._tracer.start_span(
            f"classdrop.{name}", context, attributes=attributes, start_time=begun * 1_000_000
        )
        # Begun by Redis' clock, perhaps, and ended by ours.
        span.end(max(begun, ended) * 1_000_000)


class _GivenIds:
    """An IdGenerator that gives the next span the ids that `following` holds."""

    following: tuple[int, int] = (0, 0)

    def generate_trace_id(self) -> int:
        return self.following[0]

    def generate_span_id(self) -> int:
        return self.following[1]

    def is_trace_id_random(self) -> bool:
        """Return True: a hash is spread like random bits, which is what samplers ask for."""
        return True


def _trace_id(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=16).digest())


def _span_id(key: str, name: str, which: str) -> int:
    return int.from_bytes(blake2b(f"{key} {name} {which}".encode(), digest_size=8).digest())


def is_available() -> bool:
    """Return whether the extra `traces` is installed."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


@asynccontextmanager
async def traces_to(url: str | None, ratio: float, process: str) -> AsyncIterator[Traces | None]:
    """Yield the traces of this process, None where `url` is None; send what is left at the end.

    A collector that is away costs spans and nothing else. Where the extra is missing, the log says so.
    """
    if url is None:
        yield None
        return
    if not is_available():
        _log.error("traces_extra_missing", install="classdrop[traces]")
        yield None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    exporter = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)
    provider, traces = with_exporter(exporter, ratio, process)
    try:
        yield traces
    finally:
        await asyncio.to_thread(provider.shutdown)


def with_exporter(
    exporter: "SpanExporter", ratio: float, process: str
) -> "tuple[TracerProvider, Traces]":
    """Return traces that go to `exporter`, and what owns its thread."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    ids: Any = _GivenIds()
    resource = Resource.create({"service.name": "classdrop", "service.instance.id": process})
    provider = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, export_timeout_millis=_EXPORT_SECONDS * 1000)
    )
    return provider, Traces(provider.get_tracer("classdrop"), ids, ratio)
