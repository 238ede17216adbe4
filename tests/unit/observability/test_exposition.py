"""Figures of many processes as one answer that a scraper accepts."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from server.observability.exposition import dump, merge
from server.observability.metrics import Metrics


def a_registry(
    won: int = 0, open_now: float = 0, seconds: Sequence[float] = ()
) -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("claims", "Claims answered", ["outcome"], registry=registry).labels("won").inc(won)
    Gauge("sockets", "Sockets open now", registry=registry).set(open_now)
    delay = Histogram("delay_seconds", "How late", buckets=(0.1, 1), registry=registry)
    for one in seconds:
        delay.observe(one)
    return registry


def said(registry: CollectorRegistry, process: str) -> bytes:
    return dump(registry, {"process": process})


def samples(text: bytes, name: str) -> list[Sample]:
    families = text_string_to_metric_families(text.decode())
    return [sample for family in families for sample in family.samples if sample.name == name]


def test_each_sample_says_whose_it_is() -> None:
    (found,) = samples(said(a_registry(won=2), "web-0"), "claims_total")

    assert found.labels == {"outcome": "won", "process": "web-0"}
    assert found.value == 2


def test_others_stand_beside_ones_own_with_their_own_values() -> None:
    other = said(a_registry(won=5, open_now=7, seconds=[0.05, 3]), "worker-1")
    own = said(a_registry(won=2, open_now=1, seconds=[0.5]), "web-0")
    answer = merge([own, other])

    of_process = {s.labels["process"]: s.value for s in samples(answer, "claims_total")}
    assert of_process == {"web-0": 2, "worker-1": 5}
    assert [s.value for s in samples(answer, "sockets")] == [1, 7]
    counts = {s.labels["process"]: s.value for s in samples(answer, "delay_seconds_count")}
    assert counts == {"web-0": 1, "worker-1": 2}


def test_every_family_is_introduced_once() -> None:
    own = said(Metrics().registry, "web-0")
    others = [said(Metrics().registry, f"worker-{n}") for n in range(3)]
    lines = merge([own, *others]).decode().splitlines()

    introductions = [line.split(" ")[1:3] for line in lines if line.startswith("# ")]
    assert len(introductions) == 2 * len(list(Metrics().registry.collect()))
    assert len({tuple(one) for one in introductions}) == len(introductions)


def test_no_series_is_there_twice() -> None:
    own = said(a_registry(seconds=[0.5]), "web-0")
    others = [said(a_registry(seconds=[0.5]), f"web-{n}") for n in (1, 2)]
    lines = [line for line in merge([own, *others]).decode().splitlines() if line[0] != "#"]

    series = [line.rpartition(" ")[0] for line in lines]
    assert len(set(series)) == len(series)


def test_what_is_merged_is_what_a_parser_reads_of_each() -> None:
    """Line ends, quotes and what looks like the beginning of a family stay within their label."""
    strange = CollectorRegistry()
    words = 'a "b"\n# HELP claims_total c\\ # TYPE claims counter'
    Counter("claims", words, ["outcome"], registry=strange).labels(words).inc(3)
    own, other = said(a_registry(won=1), "web-0"), said(strange, "web-1")

    found = samples(merge([own, other]), "claims_total")
    assert found == samples(own, "claims_total") + samples(other, "claims_total")


def test_what_only_another_process_counts_is_told() -> None:
    """Write a text as a worker of a later version would."""
    later = a_registry()
    Counter("holds_ended", "Holds", registry=later).inc(4)
    own = said(a_registry(), "web-0")
    answer = merge([own, said(later, "worker-1")])

    (found,) = samples(answer, "holds_ended_total")
    assert (found.labels, found.value) == ({"process": "worker-1"}, 4)


def test_another_kind_of_thing_under_a_known_name_is_left_out() -> None:
    other = CollectorRegistry()
    Histogram("sockets", "Something else", registry=other)
    own = said(a_registry(open_now=3), "web-0")
    answer = merge([own, said(other, "web-1")])

    assert [s.value for s in samples(answer, "sockets")] == [3]
    assert samples(answer, "sockets_count") == []


def test_moments_of_creation_are_not_told() -> None:
    assert b"_created" not in said(a_registry(), "web-0")
