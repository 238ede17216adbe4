"""`python -m loadtest storm`: checks the machine's limits, runs the storm with a progress bar, shows the
results.

Called by the command line. Returns the exit status and writes the JSON and HTML files.
"""

import asyncio
import json
import math
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from client_sdk.python import ApiError
from loadtest.clients.tokens import TokenError
from loadtest.clients.websocket_codec import Address
from loadtest.gates import STATISTICS, exceeded
from loadtest.storm import client_process
from loadtest.storm.classroom import RunHooks, StormPlan, StormRun, run_storm
from loadtest.storm.results import Results, outcome_line
from loadtest.storm.worker_pool import RunError
from loadtest.targets.machine import Limits, describe, find_problems, loopback_sources, read_limits
from loadtest.targets.own_server import ServerError
from loadtest.targets.processes import tree_rss_kb
from loadtest.targets.target import Target, open_target

_NOT_RUN: Final = 2
_STUDENTS_PER_PROCESS: Final = (
    19_000  # a server process admits 19,500, and one event loop can play as many
)
_STAGES: Final = (("join", "in the room"), ("tap", "answered"), ("confirm", "confirmed"))


def storm_command(args: Namespace) -> int:
    console = Console()
    facts = describe(["python -m loadtest", *sys.argv[1:]])
    limits = read_limits()
    plan = plan_of(args, limits)
    try:
        with open_target(args) as target:
            if not _fits(console, limits, target.url, plan):
                return _NOT_RUN
            storm, memory_kb = _run(console, target, plan)
    except (ServerError, TokenError, RunError, ApiError, ValueError) as error:
        _print(console, str(error), "red")
        return _NOT_RUN
    facts["server"] = args.url or f"its own, {args.server_processes} web"
    if memory_kb is not None:
        facts["kb_each"] = round(memory_kb, 1)
    return _conclude(console, storm, facts, args)


def plan_of(args: Namespace, limits: Limits) -> StormPlan:
    each = max(1, min(_STUDENTS_PER_PROCESS, limits.students_per_process))
    return StormPlan(
        students=args.students,
        stock=args.stock,
        processes=args.processes or math.ceil(args.students / each),
        room=args.room,
        rooms=args.rooms,
        joins_per_s=args.joins_per_second,
        reaction_ms=args.reaction_ms,
        answer_seconds=args.answer_seconds,
        batch_id=args.batch,
        sends_seen=args.seen,
        seed=args.seed,
    )


def _fits(console: Console, limits: Limits, url: str, plan: StormPlan) -> bool:
    """Print what this machine allows. Return False, with the reasons printed, if the run does not fit."""
    sources = loopback_sources(Address.of(url).host, plan.students)
    _print(console, f"this machine: {limits}")
    come_from = f" from {sources[0]} … {sources[-1]}" if sources else ""
    testers = "1 process" if plan.processes == 1 else f"{plan.processes} processes"
    _print(console, f"{plan.students:,} students in {testers}{come_from}")
    problems = find_problems(limits, plan.students, plan.processes, len(sources))
    for problem in problems:
        _print(console, problem, "red")
    return not problems


def _run(console: Console, target: Target, plan: StormPlan) -> tuple[StormRun, float | None]:
    """Run the storm; return it and the KB by which the server grew per student (None if the server is not
    ours)."""
    memory = [_rss_kb(target)]
    with _bar(console) as bar:
        hooks = _watch(bar, plan)
        hooks.on_full = lambda: memory.append(_rss_kb(target))
        storm = asyncio.run(run_storm(target.url, target.tokens, plan, hooks))
    grown = memory[-1] - memory[0]
    return storm, grown / plan.students if target.server_pid else None


def _rss_kb(target: Target) -> int:
    return tree_rss_kb(target.server_pid) if target.server_pid else 0


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _watch(bar: Progress, plan: StormPlan) -> RunHooks:
    tappers = len(range(0, plan.students, plan.rooms))
    totals = {"join": plan.students, "tap": tappers, "confirm": min(plan.stock, tappers)}
    tasks = {stage: bar.add_task(text, total=totals[stage]) for stage, text in _STAGES}

    def show(_stage: str, now: client_process.Progress) -> None:
        done = {"join": now.joined, "tap": now.answered, "confirm": now.confirmed}
        for stage, task in tasks.items():
            bar.update(task, completed=done[stage])

    return RunHooks(show)


def _conclude(console: Console, storm: StormRun, facts: dict[str, object], args: Namespace) -> int:
    console.print(table_of(storm.results))
    _print(console, outcome_line(storm.results))
    failures = [*map(str, storm.findings), *exceeded(args.fail_on, storm.results.spreads)]
    if args.json:
        _write_json(args.json, as_json(storm, facts, failures))
    if args.html:
        from loadtest.storm.report import write_report  # noqa: PLC0415  (a second's worth of plotting)

        write_report(storm, facts, failures, args.html)
        _print(console, f"report: {args.html}")
    _say_verdict(console, failures)
    return 1 if failures else 0


def _say_verdict(console: Console, failures: Sequence[str]) -> None:
    for failure in failures:
        _print(console, f"- {failure}", "red")
    if not failures:
        _print(console, "every promise held", "green")


def _print(console: Console, text: str, style: str | None = None) -> None:
    """Print the text unchanged: no markup, no line breaks added."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def table_of(results: Results) -> Table:
    table = Table(title=f"{results.join.count:,} students")
    table.add_column("delay, ms")
    for name in ("samples", *STATISTICS):
        table.add_column(name, justify="right")
    for name, spread in results.spreads.items():
        shown = [f"{getattr(spread, one):,.1f}" for one in STATISTICS]
        table.add_row(name, f"{spread.count:,}", *shown)
    return table


def as_json(
    storm: StormRun, facts: dict[str, object], failures: Sequence[str]
) -> dict[str, object]:
    """Return the content of the `--json` file: the machine, the plan, the results, the verdict."""
    return {
        **facts,
        "plan": asdict(storm.plan),
        "figures": asdict(storm.results),
        "failures": list(failures),
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
