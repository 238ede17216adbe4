"""`python -m loadtest bench`: runs scenarios and writes the results, renders a file's tables, or publishes
them.

Called by the command line and `make bench`.
"""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from loadtest.bench.rounds import run
from loadtest.bench.scenario import Case, CaseResult, Round, Scenario
from loadtest.bench.scenario_list import UnknownScenarioError, scenarios_named
from loadtest.bench.tables import render_tables, with_tables
from loadtest.targets.machine import describe, disk_sync_ms, read_limits
from loadtest.targets.own_server import OwnServer, ServerError, own_server

PUBLISHED: Final = Path(__file__).with_name("results.json")
README: Final = Path(__file__).parents[2] / "README.md"
_NOT_RUN: Final = 2


def bench_command(args: Namespace) -> int:
    if args.table is not None:
        _print(render_tables(_read(args.table)))
        return 0
    if args.publish is not None:
        return _publish(args.publish)
    try:
        scenarios = scenarios_named(args.only)
    except UnknownScenarioError as error:
        _print(str(error))
        return _NOT_RUN
    return _measure(scenarios, args)


def _measure(scenarios: list[Scenario], args: Namespace) -> int:
    facts = describe(["python -m loadtest", *sys.argv[1:]])
    facts["disk_sync_ms"] = disk_sync_ms()
    _print(f"this machine: {read_limits()}")
    try:
        with _servers(args.quick) as server:
            rounds = [Round(number, server) for number in range(args.rounds)]
            result = run(scenarios, rounds, is_quick=args.quick, on_run=_print_run)
    except ServerError as error:  # the one server that all quick cases share
        _print(str(error))
        return _NOT_RUN
    bench = {**facts, "is_quick": args.quick, "scenarios": result.rows}
    _write(args.json, bench)
    _print(render_tables(bench))
    for text in (*result.findings, *result.failures):
        _print(f"- {text}")
    if result.failures:
        return _NOT_RUN
    return 1 if result.findings else 0


@contextmanager
def _servers(is_quick: bool) -> Iterator[Callable[[int], AbstractContextManager[OwnServer]]]:
    """Yield a function that starts a server for a case. Quick runs share one server, because its start takes
    longest."""
    if not is_quick:
        yield own_server
        return
    with own_server(1) as one:
        yield lambda _processes: nullcontext(one)


def _publish(path: Path) -> int:
    """Make this file the one that the README shows."""
    bench = _read(path)
    if bench["is_quick"]:
        _print("tiny sizes are for tests, not for the README")
        return _NOT_RUN
    _write(PUBLISHED, bench)
    text = with_tables(README.read_text(encoding="utf-8"), render_tables(bench))
    README.write_text(text, encoding="utf-8")
    return 0


def _print_run(scenario: Scenario, case: Case, measured: CaseResult) -> None:
    shown = {name: round(value, 2) for name, value in measured.values.items()}
    _print(json.dumps({"scenario": scenario.name, **case.facts, **shown}, ensure_ascii=False))
    for finding in measured.findings:
        _print(f"- {finding}")


def _read(path: Path) -> Mapping[str, Any]:
    bench: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return bench


def _write(path: Path, bench: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bench, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the command's own words)
