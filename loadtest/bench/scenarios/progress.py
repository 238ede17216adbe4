"""Scenario: the CPU time of telling a full room every second how many units are left.

Measures the `web` process' CPU time, as the kernel counts it, while a few students win each second, and
subtracts the CPU time of an equal span without a drop. Pings and sockets cost the same in both.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from loadtest.bench.scenario import Case, CaseResult, Column, Round, Scenario
from loadtest.bench.scenarios.room_storms import findings_of
from loadtest.clients.tokens import SignedTokens
from loadtest.storm.classroom import Classroom, StormPlan, open_classroom
from loadtest.targets.processes import cpu_seconds, find_web_processes


@dataclass(frozen=True, slots=True)
class _Size:
    """`seconds`: the length of each span. `calm_s`: the pause before each span, after the joins and after the
    card."""

    students: int
    seconds: float
    calm_s: float
    tap_every_ms: float = 100

    @property
    def taps(self) -> int:
        return round((self.calm_s + self.seconds) * 1000 / self.tap_every_ms)


_FULL: Final = _Size(10_000, seconds=15, calm_s=5)
_QUICK: Final = _Size(100, seconds=0.5, calm_s=0.1, tap_every_ms=50)


def _measure(size: _Size, one: Round) -> CaseResult:
    with one.server(1) as server:
        (web,) = find_web_processes(server.pid)
        tokens = SignedTokens(server.secret, f"bench-{one.number}")
        return asyncio.run(_run(size, server.url, tokens, web))


async def _run(size: _Size, url: str, tokens: SignedTokens, web: int) -> CaseResult:
    plan = StormPlan(
        students=size.students,
        # twice the claims: the drop must not sell out, so that there is a number to send every second
        stock=2 * size.taps,
        joins_per_s=0,
        tappers=size.taps,
        tap_every_ms=size.tap_every_ms,
    )
    async with open_classroom(url, tokens, plan) as classroom:
        await classroom.workers.wait(size.calm_s)
        idle = await _cores(classroom, web, size.seconds)
        await classroom.open_drop()
        await classroom.workers.wait(size.calm_s)
        live = await _cores(classroom, web, size.seconds)
        await classroom.wait_for_answers()
        await classroom.wait_until_settled()
        run = await classroom.finish()
    return CaseResult(
        {"idle_cores": idle, "live_cores": live, "progress_cores": live - idle}, findings_of(run)
    )


async def _cores(classroom: Classroom, web: int, seconds: float) -> float:
    """Return how many cores the process used on average over `seconds`."""
    begun, used = time.monotonic(), cpu_seconds(web)
    await classroom.workers.wait(seconds)
    return (cpu_seconds(web) - used) / (time.monotonic() - begun)


def _cases(is_quick: bool) -> list[Case]:
    size = _QUICK if is_quick else _FULL
    return [Case({"students": size.students}, partial(_measure, size))]


PROGRESS: Final = Scenario(
    name="progress",
    title="How many are left, every second.",
    note="Share of one core that a `web` process spends on a room; with a drop, ten claims a second "
    "change what is left.",
    cases=_cases,
    columns=(
        Column("no drop", ("idle_cores",), ".2f"),
        Column("a drop", ("live_cores",), ".2f"),
        Column("difference", ("progress_cores",), ".2f"),
    ),
    runs_once=True,
)
