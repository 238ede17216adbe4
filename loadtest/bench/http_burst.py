"""A burst of requests over HTTP: one of each student, so many under way that the server always has some
waiting.

Used by the scenarios of lotteries, links and draws.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from loadtest.bench.scenario import Case, CaseResult, Facts, Round
from loadtest.clients.http_connection import HttpConnection
from loadtest.clients.tokens import SignedTokens
from loadtest.percentiles import Spread
from loadtest.targets.own_postgres import has_postgres, own_postgres
from loadtest.targets.own_server import OwnServer, own_server

LANES: Final = 400  # requests under way
STUDENTS: Final = 20_000
_QUICK: Final = 500

# Measures the server at this address with so many students, whose tokens are made by the second argument.
Run = Callable[[str, SignedTokens, int], Coroutine[Any, Any, CaseResult]]


@dataclass(frozen=True, slots=True)
class Burst:
    """The answers to a burst: how many of each outcome, how fast, and each one's delay in ms."""

    outcomes: Counter[str]
    per_s: float
    spread: Spread

    @property
    def values(self) -> dict[str, float]:
        return {"per_s": self.per_s, "p50_ms": self.spread.p50, "p99_ms": self.spread.p99}

    def unexpected(self, *good: str) -> list[str]:
        """Return a finding for each outcome that is not one of these."""
        return [f"{n} answers: {name}" for name, n in self.outcomes.items() if name not in good]


async def burst(url: str, path: str, tokens: Sequence[str], body: dict[str, Any]) -> Burst:
    """Send the body once with each token."""
    waiting, delays, outcomes = iter(tokens), list[float](), Counter[str]()
    begun = time.perf_counter()
    lanes = min(LANES, len(tokens))
    await asyncio.gather(*(_lane(url, path, waiting, body, delays, outcomes) for _ in range(lanes)))
    return Burst(outcomes, len(tokens) / (time.perf_counter() - begun), Spread.of(delays))


async def _lane(
    url: str,
    path: str,
    waiting: Iterator[str],
    body: dict[str, Any],
    delays: list[float],
    outcomes: Counter[str],
) -> None:
    connection = await HttpConnection.to(url)
    for token in waiting:
        begun = time.perf_counter()
        status, answer = await connection.post(path, body, token)
        delays.append((time.perf_counter() - begun) * 1000)
        outcomes[str(answer.get("outcome", status))] += 1
    connection.close()


def cases(name: str, run: Run, is_quick: bool) -> list[Case]:
    """Return the cases: SQLite with one `web` process and, if the machine has PostgreSQL, that with two.

    `name` begins the names of the students, which differ from round to round.
    """
    facts: Facts = {"ledger": "SQLite", "`web` processes": 1}
    if is_quick:
        return [Case(facts, partial(_on_sqlite, name, run, _QUICK))]
    found = [Case(facts, partial(_on_sqlite, name, run, STUDENTS))]
    if has_postgres():
        facts = {"ledger": "PostgreSQL", "`web` processes": 2}
        found.append(Case(facts, partial(_on_postgres, name, run, STUDENTS)))
    return found


def _on_sqlite(name: str, run: Run, students: int, one: Round) -> CaseResult:
    return _measure(one.server(1), f"{name}-{one.number}", run, students)


def _on_postgres(name: str, run: Run, students: int, one: Round) -> CaseResult:
    with ExitStack() as stack:
        url = stack.enter_context(own_postgres())
        return _measure(own_server(2, url), f"{name}-{one.number}", run, students)


def _measure(
    server: AbstractContextManager[OwnServer], prefix: str, run: Run, students: int
) -> CaseResult:
    with server as running:
        return asyncio.run(run(running.url, SignedTokens(running.secret, prefix), students))
