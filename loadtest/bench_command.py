"""`python -m loadtest bench`: runs the cases, or renders the table of a file written before.

Called by the command line and `make bench`.
"""

import asyncio
import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Final

from client_sdk.python import ApiError
from loadtest.bench import (
    SETTLED_JOINS_PER_S,
    Case,
    Run,
    as_rows,
    cases_up_to,
    measure,
    render_table,
)
from loadtest.machine import describe, read_limits
from loadtest.own_server import ServerError, family_rss_kb, own_server
from loadtest.passes import SignedPasses
from loadtest.storm import StormError, StormPlan, Watch, hold_storm

_COULD_NOT: Final = 2


def bench_command(asked: Namespace) -> int:
    if asked.table is not None:
        _say(render_table(json.loads(asked.table.read_text(encoding="utf-8"))))
        return 0
    facts = describe(["python -m loadtest", *sys.argv[1:]])
    _say(f"this machine: {read_limits()}")
    try:
        runs = measure(cases_up_to(asked.most), asked.rounds, _run)
    except (ServerError, StormError, ApiError) as error:
        _say(str(error))
        return _COULD_NOT
    rows = as_rows(runs)
    bench = {**facts, "rounds": asked.rounds, "cases": rows}
    _write(asked.json, bench)
    _say(render_table(bench))
    return 1 if any(row["findings"] for row in rows) else 0


def _run(case: Case, number: int) -> Run:
    """On a server of its own, gone afterwards."""
    plan = StormPlan(
        students=case.students,
        stock=case.stock,
        rooms=case.rooms,
        joins_per_s=SETTLED_JOINS_PER_S,
        seed=number,
    )
    with own_server(processes=1) as server:
        memory = [family_rss_kb(server.pid)]
        watch = Watch(is_in=lambda: memory.append(family_rss_kb(server.pid)))
        passes = SignedPasses(server.secret, f"bench-{number}")
        storm = asyncio.run(hold_storm(server.url, passes, plan, watch))
    run = Run.of(storm, (memory[-1] - memory[0]) / case.students)
    _say(json.dumps({"round": number + 1, **asdict(case), **_rounded(run)}))
    for finding in storm.findings:
        _say(f"- {finding}")
    return run


def _rounded(run: Run) -> dict[str, float]:
    return {name: round(value, 1) for name, value in asdict(run).items()}


def _write(path: Path, bench: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bench, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the command's own words)
