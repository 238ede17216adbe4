"""Scenario: the school gives coupons to 100,000 students, while another room claims.

An operator has uploaded the list before. The school's back end asks for one issuance to it, and waits until
every student has an outcome. Meanwhile students of a room claim over HTTP at a steady rate, as they have done
for a while before: their delays of both times are compared. Runs on SQLite with one `web` process and, if the
machine has PostgreSQL, on PostgreSQL with two.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

from client_sdk.python import Api
from client_sdk.python.shapes import IssuanceForm
from loadtest.bench.scenario import Case, CaseResult, Column, Scenario
from loadtest.bench.scenarios.claiming_room import CLAIMS_PER_S, ROOM, ClaimingRoom
from loadtest.bench.scenarios.ledgers import cases
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import SignedTokens
from loadtest.percentiles import Spread
from loadtest.storm.worker_pool import RunError

_DEADLINE_S: Final = 120.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Size:
    """`students` get coupons; before, the room claims alone for `quiet_s`."""

    students: int
    quiet_s: float


async def _run(url: str, tokens: SignedTokens, size: _Size) -> CaseResult:
    async with (
        api_as(url, tokens.staff("operator", ROOM).token) as operator,
        api_as(url, tokens.staff("instructor", ROOM).token) as teacher,
        api_as(url, tokens.staff("service", ROOM).token) as service,
    ):
        given = await make_batch(operator, "Given", size.students)
        seconds = size.quiet_s + _DEADLINE_S
        claims = await ClaimingRoom.opened(url, tokens, operator, teacher, seconds)
        names = "".join(f"given-{number:06}\n" for number in range(size.students))
        file = await operator.create_import(f"student\n{names}".encode())
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


def _cases(is_quick: bool) -> list[Case]:
    size = _Size(100_000, 10.0)
    return cases("issue", _run, size, quick=_Size(2_000, 0.5), is_quick=is_quick)


ISSUANCE: Final = Scenario(
    name="issuance",
    title="Coupons for 100,000 students without a tap.",
    note=f"One issuance to an uploaded list; meanwhile another room claims {CLAIMS_PER_S} times a second. "
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
