"""A burst of requests over HTTP: one of each student, so many under way that the server always has some
waiting.

Used by the scenarios of lotteries, links and draws.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtest.bench.scenario import Case
from loadtest.bench.scenarios import ledgers
from loadtest.bench.scenarios.ledgers import Run
from loadtest.clients.http_connection import HttpConnection
from loadtest.percentiles import Spread

LANES: Final = 400  # requests under way
STUDENTS: Final = 20_000
_QUICK: Final = 500


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


def cases(name: str, run: Run[int], is_quick: bool) -> list[Case]:
    """Return the cases of a burst. `name` begins the names of the students."""
    return ledgers.cases(name, run, STUDENTS, quick=_QUICK, is_quick=is_quick)
