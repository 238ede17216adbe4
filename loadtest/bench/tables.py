"""Renders the results of a bench as the Markdown tables of the project's README.

Called by `command` and by the test that compares the README with them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from loadtest.bench.scenario import Column, Scenario
from loadtest.bench.scenario_list import ALL

BEGIN: Final = "<!-- figures: rendered by `python -m loadtest bench --table` -->\n"
END: Final = "<!-- /figures -->"


def render_tables(bench: Mapping[str, Any]) -> str:
    """Return the tables of all scenarios in the file, and a line about where they were measured."""
    rows = {row["name"]: row for row in bench["scenarios"]}
    parts = [
        _part(scenario, rows[scenario.name])
        for scenario in ALL
        if scenario.name in rows and rows[scenario.name]["cases"]
    ]
    return "\n".join([*parts, _where(bench)])


def with_tables(text: str, tables: str) -> str:
    """Return `text` with these tables between its marks. Raises ValueError if it has no marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("no place for figures in it")
    return before + begin + tables + end + after


def _part(scenario: Scenario, rows: Mapping[str, Any]) -> str:
    """Return a paragraph about the scenario, and its table."""
    cases = rows["cases"]
    facts = list(cases[0]["facts"])
    titles = [*facts, *(column.title for column in scenario.columns)]
    lines = [f"**{scenario.title}** {scenario.note} `--only {scenario.name}`", ""]
    lines += [_row(titles), _row(["---:"] * len(titles))]
    for case in cases:
        cells = [_fact(case["facts"][name]) for name in facts]
        cells += [_cell(case["medians"], column) for column in scenario.columns]
        lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _where(bench: Mapping[str, Any]) -> str:
    rounds = max((row["rounds"] for row in bench["scenarios"]), default=0)
    there = {row["name"] for row in bench["scenarios"]}
    dear = " and ".join(f"`{one.name}`" for one in ALL if one.runs_once and one.name in there)
    versions, sync = bench["versions"], bench["disk_sync_ms"]
    named = ", ".join(f"{name} {versions[name]}" for name in _SHOWN if name in versions)
    return (
        f"Medians of {rounds} interleaved rounds (of {dear} one), students and server on the same "
        f"machine: {bench['machine']}; a synced write to its disk takes {sync['p50']:.1f} ms (p99 "
        f"{sync['p99']:.1f}); {named}; commit {bench['commit']}; `{bench['command']}`.\n"
    )


_SHOWN: Final = ("python", "uvloop", "websockets", "redis-server")


def _fact(value: int | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _cell(medians: Mapping[str, float], column: Column) -> str:
    return " / ".join(format(medians[name], column.form) for name in column.names)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
