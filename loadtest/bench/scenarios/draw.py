"""Scenario: students enter a draw over HTTP, the teacher closes it, and the winners have their coupons.

An entry is answered with its place and a receipt. `drawn_ms` is the time from the press that closes the draw
until the last winner's coupon is confirmed: seal, seed, shuffle, seats and the confirmations.
"""

import asyncio
import time
from functools import partial
from typing import Final

from client_sdk.python import Api
from loadtest.bench.scenario import CaseResult, Column, Scenario
from loadtest.bench.scenarios.http_burst import LANES, burst, cases
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import SignedTokens

_ROOM: Final = "draw"
_ONE_OF: Final = 40
_DRAWN_WITHIN_S: Final = 60.0


async def _run(url: str, tokens: SignedTokens, students: int) -> CaseResult:
    units = max(1, students // _ONE_OF)
    async with api_as(url, tokens.staff("operator", _ROOM).token) as operator:
        batch_id = await make_batch(operator, "Drawn", units)
    async with api_as(url, tokens.staff("instructor", _ROOM).token) as teacher:
        drop = await teacher.create_drop(
            _ROOM,
            {"batch_id": batch_id, "quantity": units, "mode": "draw", "duration_seconds": 3_600},
        )
        asking = [tokens.student(number, _ROOM).token for number in range(students)]
        body = {"request_id": "r", "client_random": "5a" * 16}
        entered = await burst(url, f"/v1/drops/{drop['id']}/claims", asking, body)
        begun = time.perf_counter()
        await teacher.close_drop(_ROOM, drop["id"])
        confirmed = await _confirmed(teacher, drop["id"], units)
        drawn_ms = (time.perf_counter() - begun) * 1000
    findings = entered.unexpected("entered")
    if confirmed != units:
        findings.append(f"{confirmed} winners have coupons of {units}")
    return CaseResult({**entered.values, "drawn_ms": drawn_ms}, findings)


async def _confirmed(teacher: Api, drop_id: str, units: int) -> int:
    """Wait until all winners have their coupons; return their number."""
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + _DRAWN_WITHIN_S
    while True:
        drop = await teacher.get_drop(_ROOM, drop_id)
        if drop["confirmed"] >= units or loop.time() > give_up_at:
            return drop["confirmed"]
        await asyncio.sleep(0.02)


DRAW: Final = Scenario(
    name="draw",
    title="A draw.",
    note=f"20,000 students enter over HTTP, {LANES} requests under way; from the press that closes the draw "
    f"until the last winner, one of {_ONE_OF}, has the coupon.",
    cases=partial(cases, "draw", _run),
    columns=(
        Column("entries/s", ("per_s",)),
        Column("p50 / p99, ms", ("p50_ms", "p99_ms"), ",.0f"),
        Column("drawn and told, ms", ("drawn_ms",), ",.0f"),
    ),
    runs_once=True,
)
