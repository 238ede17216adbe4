"""Scenario: some students stop reading their sockets after the welcome, while large cards keep coming.

The server has to evict them with little memory for each, and the others must not notice. The same case runs
without such students for comparison.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

import httpx

from loadtest.bench.scenario import Case, CaseResult, Column, Round, Scenario
from loadtest.bench.scenarios.room_storms import findings_of
from loadtest.clients.tokens import SignedTokens
from loadtest.clients.websocket_codec import Address
from loadtest.storm.classroom import Classroom, RunHooks, StormPlan, StormRun, open_classroom
from loadtest.storm.client_process import ClientPlan, ClientSlot, Progress
from loadtest.storm.worker_pool import RunError, start_workers
from loadtest.targets.machine import loopback_sources
from loadtest.targets.own_server import OwnServer
from loadtest.targets.processes import find_web_processes, rss_kb

# A card with this description has some 6.5 KB, so the server's buffer for one student is soon full.
_DESCRIPTION: Final = "券" * 2_000
_JOIN_SECONDS: Final = 60.0
_POLL_S: Final = 1.0
_READS: Final = 10  # the metrics of other processes are some seconds old
_EVICTIONS: Final = re.compile(r"^classdrop_ws_evictions_total(?:\{[^}]*\})? (\S+)$", re.M)
_KB_PER_MB: Final = 1024


@dataclass(frozen=True, slots=True)
class _Size:
    """`students` in all; `deaf` of them do not read."""

    students: int
    deaf: int
    pushes: int = 40


def _measure(size: _Size, one: Round) -> CaseResult:
    with one.server(1) as server:
        return asyncio.run(_run(size, server, one.number))


async def _run(size: _Size, server: OwnServer, number: int) -> CaseResult:
    (web,) = find_web_processes(server.pid)
    memory: list[int] = []

    def note_memory(_stage: str, _now: Progress) -> None:
        memory.append(rss_kb(web))

    plan = StormPlan(
        students=size.students - size.deaf,
        stock=1,
        joins_per_s=0,
        tappers=0,
        top_ups=size.pushes,
        description=_DESCRIPTION,
    )
    tokens = SignedTokens(server.secret, f"bench-{number}")
    hooks = RunHooks()
    evicted_before = await _read_evictions(server.url)
    async with (
        open_classroom(server.url, tokens, plan, hooks) as classroom,
        _deaf_in(classroom, server, size.deaf),
    ):
        before = rss_kb(web)
        hooks.progress = note_memory
        await classroom.open_drop()
        await classroom.wait_for_answers()
        await classroom.wait_until_settled()
        for _ in range(size.pushes):
            await classroom.top_up()
        evicted = await count_evictions(
            partial(_read_evictions, server.url),
            evicted_before,
            size.deaf,
            lambda: classroom.workers.wait(_POLL_S),
        )
        run = await classroom.finish()
    return _measured(run, size, evicted, max(memory) - before)


@asynccontextmanager
async def _deaf_in(classroom: Classroom, server: OwnServer, count: int) -> AsyncIterator[None]:
    """Connect students to the same room who do not read. What they receive is not judged."""
    if not count:
        yield
        return
    tokens = SignedTokens(server.secret, "deaf")
    plan = ClientPlan(
        url=server.url,
        rooms=[classroom.room],
        slots=[
            ClientSlot(tokens.student(number, classroom.room), 0, 0.0, None)
            for number in range(count)
        ],
        sources=loopback_sources(Address.of(server.url).host, count),
        run_id=classroom.run_id,
        seed=1,
        is_deaf=True,
    )
    with start_workers([plan]) as workers:
        workers.start()
        if not await workers.wait_until(
            lambda now: now.joined >= count, _JOIN_SECONDS, lambda _: classroom.read_progress()
        ):
            raise RunError("the students who do not read did not join")
        yield


async def _read_evictions(url: str) -> float:
    """Return the server's own count of evictions since it started."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        text = (await http.get("/metrics")).text
    return sum(float(count) for count in _EVICTIONS.findall(text))


async def count_evictions(
    read_total: Callable[[], Awaitable[float]],
    before: float,
    expected: int,
    pause: Callable[[], Awaitable[None]],
) -> float:
    """Wait until the total has grown by `expected` since `before`; return by how much it has grown.

    The server's total also counts earlier rounds, because quick rounds share one server.
    """
    evicted = 0.0
    for _ in range(_READS):
        evicted = await read_total() - before
        if evicted >= expected:
            break
        await pause()
    return evicted


def _measured(run: StormRun, size: _Size, evicted: float, grown_kb: int) -> CaseResult:
    pushes = [one.spread for one in run.top_up_deliveries]
    findings = findings_of(run)
    if evicted != size.deaf:
        findings.append(f"{evicted:.0f} sockets evicted, {size.deaf} did not read")
    return CaseResult(
        {
            "evicted": evicted,
            "push_p50_ms": median(push.p50 for push in pushes),
            "push_p99_ms": median(push.p99 for push in pushes),
            "push_worst_ms": max(push.p99 for push in pushes),
            "grown_mb": grown_kb / _KB_PER_MB,
            "grown_kb_each": grown_kb / size.deaf if size.deaf else 0.0,
        },
        findings,
    )


def _cases(is_quick: bool) -> list[Case]:
    sizes = [_Size(40, 5)] if is_quick else [_Size(5_000, 0), _Size(5_000, 200)]
    return [
        Case({"students": size.students, "never read": size.deaf}, partial(_measure, size))
        for size in sizes
    ]


DEAF: Final = Scenario(
    name="deaf",
    title="Students who never read.",
    note="They join and leave everything in their sockets, while 40 cards of 6.5 KB come one after the "
    "other; the server's process at its largest, less what it was when all were in.",
    cases=_cases,
    columns=(
        Column("evicted", ("evicted",)),
        Column("card to the others p50 / p99, ms", ("push_p50_ms", "push_p99_ms")),
        Column("p99 of the slowest card, ms", ("push_worst_ms",)),
        Column("process grew, MB", ("grown_mb",), ",.1f"),
        Column("KB for each of them", ("grown_kb_each",), ",.1f"),
    ),
)
