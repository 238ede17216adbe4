"""Runs scenarios round by round and takes the medians.

Called by `command`. Rounds are interleaved: each round runs every case once, so that a slow minute of the
machine affects all cases alike. A difference that is smaller than the machine's noise is no difference.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from client_sdk.python import ApiError
from loadtest.bench.scenario import Case, CaseResult, Facts, Round, Scenario
from loadtest.clients.tokens import TokenError
from loadtest.storm.worker_pool import RunError
from loadtest.targets.own_server import ServerError


class CaseRow(TypedDict):
    """One case in the file. `findings` has those of all its runs."""

    facts: Facts
    medians: Mapping[str, float]
    findings: list[str]
    runs: list[Mapping[str, float]]


class ScenarioRow(TypedDict):
    name: str
    rounds: int
    cases: list[CaseRow]


@dataclass(slots=True)
class BenchRun:
    """The outcome of all rounds. `failures`: cases that could not be run, and why."""

    rows: list[ScenarioRow]
    failures: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        return [text for row in self.rows for case in row["cases"] for text in case["findings"]]


def run(
    scenarios: Sequence[Scenario],
    rounds: Sequence[Round],
    *,
    is_quick: bool,
    on_run: Callable[[Scenario, Case, CaseResult], None],
) -> BenchRun:
    """Run every case in every round. A case that fails does not stop the others."""
    cases = {scenario.name: scenario.cases(is_quick) for scenario in scenarios}
    runs: dict[tuple[str, int], list[CaseResult]] = {}
    failures: list[str] = []
    for one in rounds:
        for scenario in scenarios:
            if one.number and scenario.runs_once:
                continue
            for place, case in enumerate(cases[scenario.name]):
                try:
                    measured = case.run(one)
                except (RunError, ServerError, TokenError, ApiError) as error:
                    failures.append(f"{scenario.name} {dict(case.facts)}: {error}")
                    continue
                on_run(scenario, case, measured)
                runs.setdefault((scenario.name, place), []).append(measured)
    rows = [
        ScenarioRow(
            name=scenario.name,
            rounds=1 if scenario.runs_once else len(rounds),
            cases=[
                _row(case, runs[scenario.name, place])
                for place, case in enumerate(cases[scenario.name])
                if (scenario.name, place) in runs
            ],
        )
        for scenario in scenarios
    ]
    return BenchRun(rows, failures)


def _row(case: Case, runs: Sequence[CaseResult]) -> CaseRow:
    names = runs[0].values
    return CaseRow(
        facts=case.facts,
        medians={
            name: round(statistics.median(run.values[name] for run in runs), 3) for name in names
        },
        findings=[text for run in runs for text in run.findings],
        runs=[run.values for run in runs],
    )
