"""Scenario: the school gives coupons to 100,000 students, while another room claims.

An operator has uploaded the list before. The school's back end asks for one issuance to it, and waits until
every student has an outcome. Meanwhile students of a room claim over HTTP at a steady rate, as they have done
for a while before: their delays of both times are compared. Runs on SQLite with one `web` process and, if the
machine has PostgreSQL, on PostgreSQL with two.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from client_sdk.python import Api
from client_sdk.python.shapes import IssuanceForm
from loadtest.bench.scenario import Case, CaseResult, Column, Facts, Round, Scenario
from loadtest.clients.http_connection import HttpConnection
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import SignedTokens
from loadtest.percentiles import Spread
from loadtest.storm.worker_pool import RunError
from loadtest.targets.own_postgres import has_postgres, own_postgres
from loadtest.targets.own_server import OwnServer, own_server

_ROOM: Final = "next-door"
_CLAIMS_PER_S: Final = 100
# Connections of the claiming room: enough that none is busy when a claim is due.
_LANES: Final = 32
_DEADLINE_S: Final = 120.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Size:
    """`students` get coupons; before, the room claims alone for `quiet_s`."""

    students: int
    quiet_s: float


def _measure_sqlite(size: _Size, one: Round) -> CaseResult:
    return _measure(one.server(1), size, one)


def _measure_postgres(size: _Size, one: Round) -> CaseResult:
    with ExitStack() as stack:
        url = stack.enter_context(own_postgres())
        return _measure(own_server(2, url), size, one)


def _measure(server: AbstractContextManager[OwnServer], size: _Size, one: Round) -> CaseResult:
    with server as running:
        tokens = SignedTokens(running.secret, f"issue-{one.number}")
        return asyncio.run(_run(running.url, tokens, size))


async def _run(url: str, tokens: SignedTokens, size: _Size) -> CaseResult:
    async with (
        api_as(url, tokens.staff("operator", _ROOM).token) as operator,
        api_as(url, tokens.staff("instructor", _ROOM).token) as teacher,
        api_as(url, tokens.staff("service", _ROOM).token) as service,
    ):
        given = await make_batch(operator, "Given", size.students)
        units = int(_CLAIMS_PER_S * (size.quiet_s + _DEADLINE_S))
        claimed = await make_batch(operator, "Claimed", units)
        drop = await teacher.create_drop(
            _ROOM, {"batch_id": claimed, "quantity": units, "duration_seconds": 600}
        )
        names = "".join(f"given-{number:06}\n" for number in range(size.students))
        file = await operator.create_import(f"student\n{names}".encode())
        claims = _Claims(url, tokens, f"/v1/drops/{drop['id']}/claims")
        quiet = await claims.during(partial(asyncio.sleep, size.quiet_s))
        issuing = _Issuing(service, given, file["id"], size.students)
        busy = await claims.during(issuing.run)
    before, meanwhile = Spread.of(quiet), Spread.of(busy)
    values = {
        "seconds": issuing.took_s,
        "per_s": size.students / issuing.took_s,
        "p50_before_ms": before.p50,
        "p50_ms": meanwhile.p50,
        "p99_before_ms": before.p99,
        "p99_ms": meanwhile.p99,
    }
    return CaseResult(values, sorted({*issuing.findings, *claims.findings}))


class _Issuing:
    """One issuance to the students of an import: asked for, and waited for."""

    def __init__(self, service: Api, batch_id: str, import_id: str, students: int) -> None:
        self._service = service
        self._form: IssuanceForm = {"batch_id": batch_id, "import_id": import_id, "reason": "bench"}
        self._students = students
        self.took_s = 0.0
        self.findings: list[str] = []

    async def run(self) -> None:
        begun = time.perf_counter()
        asked = await self._service.create_issuance(self._form)
        issued = await self._issued(asked["id"])
        self.took_s = time.perf_counter() - begun
        if issued != self._students:
            self.findings.append(f"{issued} of {self._students} students have a coupon")

    async def _issued(self, issuance_id: str) -> int:
        give_up_at = time.monotonic() + _DEADLINE_S
        while True:
            issuance = await self._service.get_issuance(issuance_id)
            if issuance["state"] == "done":
                return issuance["issued"]
            if time.monotonic() > give_up_at:
                raise RunError("the coupons were not issued")
            await asyncio.sleep(_PAUSE_S)


class _Claims:
    """A room in which students claim, each once, at a steady rate."""

    def __init__(self, url: str, tokens: SignedTokens, path: str) -> None:
        self._url = url
        self._tokens = tokens
        self._path = path
        self._next = 0
        self.findings: list[str] = []

    async def during(self, work: Callable[[], Awaitable[None]]) -> Sequence[float]:
        """Claim until `work` is done; return the delay of each claim, ms."""
        delays: list[float] = []
        is_over = asyncio.Event()
        lanes = [asyncio.create_task(self._lane(delays, is_over)) for _ in range(_LANES)]
        await work()
        is_over.set()
        await asyncio.gather(*lanes)
        return delays

    async def _lane(self, delays: list[float], is_over: asyncio.Event) -> None:
        connection = await HttpConnection.to(self._url)
        due, every = time.perf_counter(), _LANES / _CLAIMS_PER_S
        while not is_over.is_set():
            due += every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            student = self._tokens.student(self._next, _ROOM)
            self._next += 1
            # From the moment at which it was due: a server that makes claims wait must not hide it.
            status, answer = await connection.post(self._path, {"request_id": "r"}, student.token)
            delays.append((time.perf_counter() - due) * 1000)
            if status != 200 or answer["outcome"] != "won":
                self.findings.append(f"a claim was answered {status} {answer.get('outcome')}")
        connection.close()


def _cases(is_quick: bool) -> list[Case]:
    if is_quick:
        quick = partial(_measure_sqlite, _Size(2_000, 0.5))
        return [Case({"ledger": "SQLite", "`web` processes": 1}, quick)]
    size = _Size(100_000, 10.0)
    cases = [Case({"ledger": "SQLite", "`web` processes": 1}, partial(_measure_sqlite, size))]
    if has_postgres():
        facts: Facts = {"ledger": "PostgreSQL", "`web` processes": 2}
        cases.append(Case(facts, partial(_measure_postgres, size)))
    return cases


ISSUANCE: Final = Scenario(
    name="issuance",
    title="Coupons for 100,000 students without a tap.",
    note=f"One issuance to an uploaded list; meanwhile another room claims {_CLAIMS_PER_S} times a second. "
    "Its delays are those before, and those meanwhile.",
    cases=_cases,
    columns=(
        Column("seconds", ("seconds",), ",.1f"),
        Column("students/s", ("per_s",)),
        Column("claim p50 before / meanwhile, ms", ("p50_before_ms", "p50_ms"), ",.1f"),
        Column("claim p99 before / meanwhile, ms", ("p99_before_ms", "p99_ms"), ",.1f"),
    ),
    runs_once=True,
)
