"""Tests of traces: ids that every process computes by itself, and which claims are traced."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from server.observability import tracing
from server.observability.tracing import Traces, traces_to, with_exporter

AT = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    traces: Traces
    exporter: InMemorySpanExporter
    provider: TracerProvider

    def spans(self) -> list[ReadableSpan]:
        self.provider.force_flush()
        return list(self.exporter.get_finished_spans())


def recorded(ratio: float, process: str) -> Recorded:
    exporter = InMemorySpanExporter()
    provider, traces = with_exporter(exporter, ratio, process)
    return Recorded(traces, exporter, provider)


@pytest.fixture
def web() -> Iterator[Recorded]:
    one = recorded(1.0, "gwy_1")
    yield one
    one.provider.shutdown()


@pytest.fixture
def worker() -> Iterator[Recorded]:
    one = recorded(1.0, "wrk_1")
    yield one
    one.provider.shutdown()


def test_two_processes_put_their_spans_into_one_trace(web: Recorded, worker: Recorded) -> None:
    web.traces.tap("clm_1", "drp_1", AT, AT + 3)
    worker.traces.persisted(["clm_1"], AT + 4, AT + 20)

    (tap,), (persist,) = web.spans(), worker.spans()
    assert tap.context is not None
    assert persist.context is not None
    assert persist.parent is not None
    assert persist.context.trace_id == tap.context.trace_id
    assert (persist.parent.trace_id, persist.parent.span_id) == (
        tap.context.trace_id,
        tap.context.span_id,
    )
    assert tap.parent is None
    assert (persist.start_time, persist.end_time) == ((AT + 4) * 10**6, (AT + 20) * 10**6)


def test_spans_that_are_made_twice_have_ids_of_their_own(worker: Recorded) -> None:
    worker.traces.persisted(["clm_1"], AT, AT + 1)
    worker.traces.persisted(["clm_1"], AT + 5, AT + 6)

    ids = {span.context.span_id for span in worker.spans() if span.context is not None}
    assert len(ids) == 2


def test_a_clock_behind_that_of_redis_gives_an_empty_span(web: Recorded) -> None:
    web.traces.card("drp_1", "algebra", "gwy_1", AT, AT - 2)

    (card,) = web.spans()
    assert card.start_time == card.end_time == AT * 10**6


def test_processes_choose_the_same_claims_by_the_ratio() -> None:
    one, other = recorded(0.1, "gwy_1"), recorded(0.1, "wrk_1")
    claims = [f"clm_{number}" for number in range(5_000)]

    chosen = [claim for claim in claims if one.traces.is_traced(claim)]

    assert chosen == [claim for claim in claims if other.traces.is_traced(claim)]
    assert 400 < len(chosen) < 600
    for each in (one, other):
        each.provider.shutdown()


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, 0), (1.0, 50)])
def test_none_or_all_are_traced(ratio: float, expected: int) -> None:
    one = recorded(ratio, "gwy_1")
    one.traces.persisted([f"clm_{number}" for number in range(50)], AT, AT)
    assert len(one.spans()) == expected
    one.provider.shutdown()


@pytest.mark.asyncio
async def test_without_a_url_nothing_is_recorded() -> None:
    async with traces_to(None, 1.0, "gwy_1") as traces:
        assert traces is None


@pytest.mark.asyncio
async def test_without_the_extra_the_process_runs_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "is_available", lambda: False)
    with capture_logs() as logged:
        async with traces_to("http://127.0.0.1:9/v1/traces", 1.0, "gwy_1") as traces:
            assert traces is None
    assert [entry["event"] for entry in logged] == ["traces_extra_missing"]
