"""The figures of one process as text, and those of many as one answer, in Prometheus' text format.

Called by commands/figures.py. A leaf: knows neither what is counted nor how the texts travel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

Families = Sequence[Metric]


def figures_of(registry: CollectorRegistry, labels: Mapping[str, str]) -> list[Metric]:
    """Every family of the registry, with labels that say whose figures they are. Without the moments
    at which counters were made: the text format needs families of their own for them, twice as many
    as there are, and a reset shows without."""
    return [_labelled(family, labels) for family in registry.collect()]


def parse(texts: Iterable[bytes]) -> list[Metric]:
    """The families of several `dump`s, one after the other."""
    return [
        family for text in texts for family in text_string_to_metric_families(text.decode("utf-8"))
    ]


def dump(*sources: Families) -> bytes:
    """One answer: each family once, with the samples of all. Where two processes of different versions
    give one name to different kinds of things, the first one's holds."""
    merged: dict[str, Metric] = {}
    for family in (family for families in sources for family in families):
        known = merged.get(family.name)
        if known is None:
            merged[family.name] = _copied(family, list(family.samples))
        elif known.type == family.type:
            known.samples += family.samples
    return generate_latest(_Collected(list(merged.values())))


def _labelled(family: Metric, labels: Mapping[str, str]) -> Metric:
    samples = [
        sample._replace(labels={**sample.labels, **labels})
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    return _copied(family, samples)


def _copied(family: Metric, samples: list[Sample]) -> Metric:
    copy = Metric(family.name, family.documentation, family.type, family.unit)
    copy.samples = samples
    return copy


@dataclass(frozen=True, slots=True)
class _Collected:
    """What `generate_latest` asks of a registry."""

    families: Families

    def collect(self) -> Iterator[Metric]:
        yield from self.families
