"""Rounds are interleaved, a failing case does not stop the others, and the tables show what the file has."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loadtest.bench.rounds import BenchRun, run
from loadtest.bench.scenario import Case, CaseResult, Column, Round, Scenario
from loadtest.bench.scenario_list import SCENARIOS, UnknownScenarioError, scenarios_named
from loadtest.bench.tables import BEGIN, END, render_tables, with_tables
from loadtest.storm.worker_pool import RunError
from loadtest.targets.own_server import own_server

PLACE = {
    "machine": "a desk",
    "disk_sync_ms": {"p50": 0.41, "p99": 12.34},
    "versions": {"python": "3.11.7", "uvloop": "0.23"},
    "commit": "abc",
    "command": "make bench",
}


def scenario(name: str, *runs: Callable[[Round], CaseResult], runs_once: bool = False) -> Scenario:
    cases = [Case({"size": number}, run) for number, run in enumerate(runs)]
    columns = [Column("push, ms", ("push",), ",.1f")]
    return Scenario(name, "Title.", "Note.", lambda _is_quick: cases, columns, runs_once)


def pushes(*each: float, findings: tuple[str, ...] = ()) -> Callable[[Round], CaseResult]:
    """Return a run with one result for each round."""
    return lambda one: CaseResult({"push": each[one.number]}, findings)


def held(*scenarios: Scenario, rounds: int = 1) -> BenchRun:
    numbered = [Round(number, own_server) for number in range(rounds)]
    return run(scenarios, numbered, is_quick=False, on_run=lambda *_: None)


def test_every_round_runs_every_case_and_long_ones_only_the_first() -> None:
    order: list[tuple[str, int]] = []

    def noted(name: str) -> Callable[[Round], CaseResult]:
        def run(one: Round) -> CaseResult:
            order.append((name, one.number))
            return CaseResult({})

        return run

    held(
        scenario("dear", noted("dear"), runs_once=True),
        scenario("cheap", noted("small"), noted("large")),
        rounds=2,
    )

    assert order == [("dear", 0), ("small", 0), ("large", 0), ("small", 1), ("large", 1)]


def test_one_bad_round_does_not_move_the_median_and_its_findings_stay() -> None:
    found = held(scenario("s", pushes(80, 9_000, 70, findings=("oversold",))), rounds=3)

    (case,) = found.rows[0]["cases"]
    assert case["medians"] == {"push": 80}
    assert [run["push"] for run in case["runs"]] == [80, 9_000, 70]
    assert found.findings == ["oversold"] * 3


def test_case_that_cannot_be_held_takes_nothing_from_the_others() -> None:
    def fail(_one: Round) -> CaseResult:
        raise RunError("too many for this machine")

    found = held(scenario("s", fail, pushes(7)))

    assert [case["facts"] for case in found.rows[0]["cases"]] == [{"size": 1}]
    assert found.failures == ["s {'size': 0}: too many for this machine"]


def bench_of(name: str) -> dict[str, Any]:
    """Return a bench file with one scenario, in which every value is 1234.5."""
    (one,) = scenarios_named([name])
    figures = dict.fromkeys((name for column in one.columns for name in column.names), 1234.5)
    run: Callable[[Round], CaseResult] = lambda _: CaseResult(figures)  # noqa: E731
    named = Scenario(
        name, one.title, one.note, lambda _: [Case({"students": 10_000}, run)], one.columns
    )
    return {**PLACE, "scenarios": held(named, rounds=3).rows}


def test_table_has_the_facts_the_figures_and_where_they_were_taken() -> None:
    table = render_tables(bench_of("progress"))

    assert "| students | no drop | a drop | difference |\n" in table
    assert "| 10,000 | 1234.50 | 1234.50 | 1234.50 |\n" in table
    assert "`--only progress`" in table
    assert "3 interleaved rounds" in table
    assert "a desk; a synced write to its disk takes 0.4 ms (p99 12.3)" in table
    assert "python 3.11.7, uvloop 0.23; commit abc; `make bench`" in table


@pytest.mark.parametrize("name", [scenario.name for scenario in SCENARIOS])
def test_every_scenario_has_a_table(name: str) -> None:
    table = render_tables(bench_of(name))
    rows = [line for line in table.splitlines() if line.startswith("|")]

    assert len(rows) == 3
    assert len({row.count("|") for row in rows}) == 1


def test_names_choose_scenarios_in_their_usual_order() -> None:
    assert [one.name for one in scenarios_named(["rooms", "sizes"])] == ["sizes", "rooms"]
    assert scenarios_named([]) == list(SCENARIOS)


def test_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownScenarioError, match="no scenario naps; there are largest, sizes"):
        scenarios_named(["sizes", "naps"])


def test_tables_take_the_place_between_the_marks() -> None:
    text = f"before\n{BEGIN}old\n{END}\nafter\n"

    assert with_tables(text, "new\n") == f"before\n{BEGIN}new\n{END}\nafter\n"


def test_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        with_tables("before\nafter\n", "new\n")


def test_no_two_scenarios_have_one_name() -> None:
    names = [one.name for one in SCENARIOS]

    assert len(set(names)) == len(names) == 12


@pytest.mark.parametrize("is_quick", [True, False])
def test_every_case_of_a_scenario_has_the_same_facts(is_quick: bool) -> None:
    for one in SCENARIOS:
        facts = {tuple(case.facts) for case in one.cases(is_quick)}
        assert len(facts) == 1, one.name


def test_figures_that_the_readme_shows_are_whole() -> None:
    """The published results have all scenarios at full size, and no promise was broken."""
    figures = json.loads((Path(__file__).parents[4] / "loadtest/bench/results.json").read_text())

    assert not figures["is_quick"]
    assert [row["name"] for row in figures["scenarios"]] == [one.name for one in SCENARIOS]
    assert [case["findings"] for row in figures["scenarios"] for case in row["cases"]] == [
        [] for row in figures["scenarios"] for _ in row["cases"]
    ]
