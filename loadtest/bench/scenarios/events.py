"""Scenario: the school tells of thousands of events a second, while another room claims.

The school's back end sends what students do, in calls of 500, at a steady rate; another of its programs reads
the event log by long polls, as a mirror does. Each event must be there, once and in order. Meanwhile students
of a room claim over HTTP, and their delays are compared with those before. Runs on SQLite with one `web`
process and, if the machine has PostgreSQL, on PostgreSQL with two.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Final

from client_sdk.python import Api
from loadtest.bench.scenario import Case, CaseResult, Column, Scenario
from loadtest.bench.scenarios.claiming_room import CLAIMS_PER_S, ROOM, ClaimingRoom
from loadtest.bench.scenarios.ledgers import cases
from loadtest.clients.school_api import api_as
from loadtest.clients.tokens import SignedTokens
from loadtest.percentiles import Spread

_A_CALL: Final = 500
_EVENTS_PER_S: Final = 5_000
_STUDENTS: Final = 10_000
_READ_AT_ONCE: Final = 500
_DEADLINE_S: Final = 60.0
_TYPE: Final = "x.read"


@dataclass(frozen=True, slots=True)
class _Size:
    """The school tells of `events`; before, the room claims alone for `quiet_s`."""

    events: int
    quiet_s: float


async def _run(url: str, tokens: SignedTokens, size: _Size) -> CaseResult:
    async with (
        api_as(url, tokens.staff("operator", ROOM).token) as operator,
        api_as(url, tokens.staff("instructor", ROOM).token) as teacher,
        api_as(url, tokens.staff("service", ROOM).token) as service,
    ):
        seconds = size.quiet_s + _DEADLINE_S
        claims = await ClaimingRoom.opened(url, tokens, operator, teacher, seconds)
        quiet = await claims.during(partial(asyncio.sleep, size.quiet_s))
        school = _School(service, size.events)
        busy = await claims.during(school.tell_and_read)
    before, meanwhile = Spread.of(quiet), Spread.of(busy)
    values = {
        "told_per_s": size.events / school.told_s,
        "read_per_s": size.events / school.read_s,
        "behind_ms": (school.read_s - school.told_s) * 1000,
        "p50_before_ms": before.p50,
        "p50_ms": meanwhile.p50,
        "p99_before_ms": before.p99,
        "p99_ms": meanwhile.p99,
    }
    return CaseResult(values, sorted({*school.findings, *claims.findings}))


class _School:
    """A back end that tells of events, and a program that reads them. Seconds are from the first call."""

    def __init__(self, service: Api, events: int) -> None:
        self._service = service
        self._events = events
        self.told_s = 0.0
        self.read_s = 0.0
        self.findings: list[str] = []

    async def tell_and_read(self) -> None:
        begun = time.perf_counter()
        reading = asyncio.create_task(self._read())
        calls = []
        for first in range(0, self._events, _A_CALL):
            due = begun + first / _EVENTS_PER_S
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            calls.append(asyncio.create_task(self._tell(first)))
        await asyncio.gather(*calls)
        self.told_s = time.perf_counter() - begun
        async with asyncio.timeout(_DEADLINE_S):
            await reading
        self.read_s = time.perf_counter() - begun

    async def _tell(self, first: int) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        told = await self._service.send_student_events(
            [
                {"id": f"e-{n}", "type": _TYPE, "student": f"told-{n % _STUDENTS}", "at": at}
                for n in range(first, min(first + _A_CALL, self._events))
            ]
        )
        if told["duplicates"]:
            self.findings.append(f"{told['duplicates']} new events were called duplicates")

    async def _read(self) -> None:
        """Read until all are there; note one that comes twice, or out of order."""
        seen: set[str] = set()
        after = 0
        for _ in count():
            page = await self._service.read_events(
                after, types=["student.event"], wait_seconds=5, limit=_READ_AT_ONCE
            )
            numbers = [one["seq"] for one in page["events"]]
            if numbers != sorted(set(numbers)) or (numbers and numbers[0] <= after):
                self.findings.append("events came out of order")
            seen |= {one["subject"] for one in page["events"]}
            after = page["next"]
            if len(seen) == self._events:
                return


def _cases(is_quick: bool) -> list[Case]:
    size = _Size(50_000, 10.0)
    return cases("events", _run, size, quick=_Size(1_000, 0.5), is_quick=is_quick)


EVENTS: Final = Scenario(
    name="events",
    title="Events of the school, 5,000 a second.",
    note=f"50,000 student events in calls of {_A_CALL}; another program reads all of them from the event "
    f"log. Meanwhile a room claims {CLAIMS_PER_S} times a second.",
    cases=_cases,
    columns=(
        Column("told/s", ("told_per_s",)),
        Column("read/s", ("read_per_s",)),
        Column("last one read after, ms", ("behind_ms",)),
        Column("claim p50 before / meanwhile, ms", ("p50_before_ms", "p50_ms"), ",.1f"),
        Column("claim p99 before / meanwhile, ms", ("p99_before_ms", "p99_ms"), ",.1f"),
    ),
    runs_once=True,
)
