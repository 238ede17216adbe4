"""`python -m loadtest storm`: limits first, a bar while it runs, then the table, the files and the
exit status.

Called by the command line; the storm itself is in `storm`.
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
from loadtest.clients.tokens import PassError
from loadtest.clients.websocket_codec import Address
from loadtest.gates import STATISTICS, exceeded
from loadtest.storm import client_process
from loadtest.storm.classroom import Storm, StormPlan, Watch, hold_storm
from loadtest.storm.results import Figures, outcome_line
from loadtest.storm.worker_pool import StormError
from loadtest.targets.machine import Limits, describe, loopback_sources, problems_of, read_limits
from loadtest.targets.own_server import ServerError
from loadtest.targets.processes import family_rss_kb
from loadtest.targets.target import Target, target_of

_COULD_NOT: Final = 2
_STUDENTS_PER_PROCESS: Final = 19_000  # what one server's process admits, and a loop can answer
_STAGES: Final = (("join", "in the room"), ("tap", "answered"), ("confirm", "confirmed"))


def storm_command(asked: Namespace) -> int:
    console = Console()
    facts = describe(["python -m loadtest", *sys.argv[1:]])
    limits = read_limits()
    plan = plan_of(asked, limits)
    try:
        with target_of(asked) as target:
            if not _fits(console, limits, target.url, plan):
                return _COULD_NOT
            storm, memory_kb = _run(console, target, plan)
    except (ServerError, PassError, StormError, ApiError, ValueError) as error:
        _say(console, str(error), "red")
        return _COULD_NOT
    facts["server"] = asked.url or f"its own, {asked.server_processes} web"
    if memory_kb is not None:
        facts["kb_each"] = round(memory_kb, 1)
    return _conclude(console, storm, facts, asked)


def plan_of(asked: Namespace, limits: Limits) -> StormPlan:
    each = max(1, min(_STUDENTS_PER_PROCESS, limits.students_per_process))
    return StormPlan(
        students=asked.students,
        stock=asked.stock,
        processes=asked.processes or math.ceil(asked.students / each),
        room=asked.room,
        rooms=asked.rooms,
        joins_per_s=asked.joins_per_second,
        reaction_ms=asked.reaction_ms,
        answer_seconds=asked.answer_seconds,
        batch_id=asked.batch,
        sends_seen=asked.seen,
        seed=asked.seed,
    )


def _fits(console: Console, limits: Limits, url: str, plan: StormPlan) -> bool:
    """Says what this machine allows before anything is started on it."""
    sources = loopback_sources(Address.of(url).host, plan.students)
    _say(console, f"this machine: {limits}")
    come_from = f" from {sources[0]} … {sources[-1]}" if sources else ""
    testers = "1 process" if plan.processes == 1 else f"{plan.processes} processes"
    _say(console, f"{plan.students:,} students in {testers}{come_from}")
    problems = problems_of(limits, plan.students, plan.processes, len(sources))
    for problem in problems:
        _say(console, problem, "red")
    return not problems


def _run(console: Console, target: Target, plan: StormPlan) -> tuple[Storm, float | None]:
    """The storm, and by how many KB a student the server grew where it is ours."""
    memory = [_rss_kb(target)]
    with _bar(console) as bar:
        watch = _watch(bar, plan)
        watch.is_in = lambda: memory.append(_rss_kb(target))
        storm = asyncio.run(hold_storm(target.url, target.passes, plan, watch))
    grown = memory[-1] - memory[0]
    return storm, grown / plan.students if target.server_pid else None


def _rss_kb(target: Target) -> int:
    return family_rss_kb(target.server_pid) if target.server_pid else 0


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _watch(bar: Progress, plan: StormPlan) -> Watch:
    tappers = len(range(0, plan.students, plan.rooms))
    totals = {"join": plan.students, "tap": tappers, "confirm": min(plan.stock, tappers)}
    tasks = {stage: bar.add_task(text, total=totals[stage]) for stage, text in _STAGES}

    def show(_stage: str, now: client_process.Progress) -> None:
        done = {"join": now.joined, "tap": now.answered, "confirm": now.confirmed}
        for stage, task in tasks.items():
            bar.update(task, completed=done[stage])

    return Watch(show)


def _conclude(console: Console, storm: Storm, facts: dict[str, object], asked: Namespace) -> int:
    console.print(table_of(storm.figures))
    _say(console, outcome_line(storm.figures))
    failures = [*map(str, storm.findings), *exceeded(asked.fail_on, storm.figures.spreads)]
    if asked.json:
        _write_json(asked.json, as_json(storm, facts, failures))
    if asked.html:
        from loadtest.storm.report import write_report  # noqa: PLC0415  (a second's worth of plotting)

        write_report(storm, facts, failures, asked.html)
        _say(console, f"report: {asked.html}")
    _say_verdict(console, failures)
    return 1 if failures else 0


def _say_verdict(console: Console, failures: Sequence[str]) -> None:
    for failure in failures:
        _say(console, f"- {failure}", "red")
    if not failures:
        _say(console, "every promise held", "green")


def _say(console: Console, text: str, style: str | None = None) -> None:
    """As it is: brackets are not markup, and a line is not broken where a screen happens to end."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def table_of(figures: Figures) -> Table:
    table = Table(title=f"{figures.join.count:,} students")
    table.add_column("delay, ms")
    for name in ("samples", *STATISTICS):
        table.add_column(name, justify="right")
    for name, spread in figures.spreads.items():
        shown = [f"{getattr(spread, one):,.1f}" for one in STATISTICS]
        table.add_row(name, f"{spread.count:,}", *shown)
    return table


def as_json(storm: Storm, facts: dict[str, object], failures: Sequence[str]) -> dict[str, object]:
    """What `--json` writes: where, what was asked for, the figures, the verdict."""
    return {
        **facts,
        "plan": asdict(storm.plan),
        "figures": asdict(storm.figures),
        "failures": list(failures),
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
