"""The dashboard and the alert rules ask only for metrics and labels that the processes have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.observability.metrics import Metrics

FOLDER = Path("server/observability")
_SUFFIXES = ("_bucket", "_count", "_sum")
# What Prometheus itself adds to a histogram's buckets.
_OWN_LABELS = {"le"}


def families() -> dict[str, tuple[str, set[str]]]:
    """Return the kind and the labels of each metric, by the name that a query has."""
    metrics = Metrics()
    found = {}
    for family in metrics.registry.collect():
        labels = set(metrics.labels[family.name])
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, labels)
    return found


def panels() -> Iterator[tuple[str, str, str]]:
    """Yield title, query and legend of each line of each panel."""
    for panel in json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def rules() -> Iterator[tuple[str, str, str]]:
    """Yield name, query and texts of each rule. A text in the file is a JSON string on one line."""
    text = (FOLDER / "alert_rules.yaml").read_text("utf-8")
    for part in text.split("- alert: ")[1:]:
        query, *texts = [
            json.loads(line.split(": ", 1)[1])
            for line in part.splitlines()
            if line.strip().startswith(("expr:", "summary:", "do:"))
        ]
        yield part.splitlines()[0], query, " ".join(texts)


def fault_of(query: str, text: str) -> str | None:
    """Return the first thing in the query or its text that no process has."""
    known, labels = families(), set(_OWN_LABELS)
    names: list[str] = re.findall(r"classdrop_\w+", query)
    for name in names:
        plain = next((name.removesuffix(one) for one in _SUFFIXES if name.endswith(one)), name)
        kind, own = known.get(plain, (None, set[str]()))
        if kind is None or (plain != name) != (kind == "histogram"):
            return name
        labels |= own
    asked: list[str] = [
        one for group in re.findall(r"by \(([^)]*)\)", query) for one in group.split(", ")
    ]
    asked += re.findall(r"(\w+)=~?\"", query)
    asked += re.findall(r"\{\{(?: \$labels\.)?(\w+) ?\}\}", text)
    return next((label for label in asked if label not in labels), None)


@pytest.mark.parametrize(("title", "query", "text"), [*panels(), *rules()])
def test_every_metric_and_label_of_a_query_exists(title: str, query: str, text: str) -> None:
    assert "classdrop_" in query, title
    assert fault_of(query, text) is None


@pytest.mark.parametrize(
    ("query", "text", "fault"),
    [
        ("max(classdrop_gone)", "", "classdrop_gone"),
        ("sum(classdrop_claims)", "", "classdrop_claims"),
        ("sum(classdrop_loop_lag_seconds)", "", "classdrop_loop_lag_seconds"),
        ("sum by (room) (classdrop_claims_total)", "", "room"),
        ("sum(classdrop_claims_total)", "{{room}}", "room"),
        ('sum(classdrop_claims_total{room="x"})', "", "room"),
        ("sum(classdrop_claims_total)", "{{ $labels.room }}", "room"),
    ],
)
def test_a_name_that_no_process_has_is_found(query: str, text: str, fault: str) -> None:
    assert fault_of(query, text) == fault


def test_rules_have_names_of_their_own_and_say_what_to_do() -> None:
    found = list(rules())

    assert len({name for name, _, _ in found}) == len(found) >= 10
    text = (FOLDER / "alert_rules.yaml").read_text("utf-8")
    assert text.count("\n          do: ") == text.count("          severity: ") == len(found)
