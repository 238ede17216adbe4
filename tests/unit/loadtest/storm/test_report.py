"""The page of a storm shows the findings and draws the results."""

import json
import re
from collections.abc import Sequence
from typing import Any

from loadtest.percentiles import Spread
from loadtest.storm.classroom import StormPlan, StormRun
from loadtest.storm.report import render
from loadtest.storm.results import Arrival, Results
from loadtest.verdict import LedgerSnapshot

SPREAD = Spread(4, 1.0, 2.0, 3.0, 4.0)
ARRIVALS = [
    Arrival(10.0, 20.0, 60.0, "won"),
    Arrival(11.0, 21.0, None, "sold_out"),
    Arrival(12.0, 100.0, None, "sold_out"),
    Arrival(None, None, None, None),
]


def run() -> StormRun:
    results = Results(SPREAD, SPREAD, SPREAD, SPREAD, 1.0, 4.0, 90.0, {"won": 1, "sold_out": 2}, {})
    books = LedgerSnapshot(1, 0, 1, 1, 0, 0, [])
    return StormRun(StormPlan(4, 1), results, ARRIVALS, [], books, [], [])


def traces(page: str) -> list[dict[str, Any]]:
    """Return the traces of all plots, as they are given to plotly."""
    drawn = re.findall(r"Plotly\.newPlot\(\s*\"[^\"]+\",\s*(\[.*?\]),\s*\{\"", page, re.DOTALL)
    return [trace for picture in drawn for trace in json.loads(picture)]


def ends_of(page: str) -> dict[str, Sequence[float]]:
    return {one["name"]: (one["x"][-1], one["y"][-1]) for one in traces(page)}


def test_page_without_failures_says_that_all_held() -> None:
    page = render(run(), {"machine": "a <small> one"}, [])

    assert "Every promise held." in page
    assert "a &lt;small&gt; one" in page


def test_page_lists_what_failed() -> None:
    page = render(run(), {}, ["p99_push_ms: 3.0, at most 1 allowed", "lost: <one>"])

    assert "Every promise held." not in page
    assert "<li>p99_push_ms: 3.0, at most 1 allowed</li><li>lost: &lt;one&gt;</li>" in page


def test_curves_of_claims_are_shares_and_go_on_to_the_last_answer() -> None:
    ends = ends_of(render(run(), {}, []))

    assert ends["answered, of 4 students"] == (100.0, 75.0)
    assert ends["won, of 1 coupons"] == (100.0, 100.0)
    assert ends["confirmed, of 1 coupons"] == (100.0, 100.0)
    assert ends["the card"] == (12.0, 3.0)


def test_each_answer_is_a_dot_at_its_place_of_arrival() -> None:
    ends = ends_of(render(run(), {}, []))

    assert ends["won"] == (1, 20.0)
    assert ends["sold out"] == (3, 100.0)
