"""Scenario: a burst of claims on one link over HTTP, more than there are coupons.

The link has a unit for one of forty students. A claim is answered by the desk; wins are confirmed meanwhile.
"""

from functools import partial
from typing import Final

from loadtest.bench.scenario import CaseResult, Column, Scenario
from loadtest.bench.scenarios.http_burst import LANES, burst, cases
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import SignedTokens

_ROOM: Final = "link"
_ONE_OF: Final = 40


async def _run(url: str, tokens: SignedTokens, students: int) -> CaseResult:
    units = max(1, students // _ONE_OF)
    async with api_as(url, tokens.staff("operator", _ROOM).token) as operator:
        batch_id = await make_batch(operator, "By link", units)
        link = await operator.create_link(batch_id, {"channel": "poster", "quantity": units})
    asking = [tokens.student(number, _ROOM).token for number in range(students)]
    claimed = await burst(url, f"/v1/links/{link['id']}/claims", asking, {"request_id": "r"})
    findings = claimed.unexpected("won", "sold_out")
    won = claimed.outcomes["won"]
    if won != units:
        findings.append(f"{won} claims won of {units} units")
    return CaseResult({**claimed.values, "won": won}, findings)


LINK: Final = Scenario(
    name="link",
    title="Claims on one link.",
    note=f"20,000 students claim once over HTTP, {LANES} requests under way, one of {_ONE_OF} wins.",
    cases=partial(cases, "link", _run),
    columns=(
        Column("claims/s", ("per_s",)),
        Column("won", ("won",)),
        Column("p50 / p99, ms", ("p50_ms", "p99_ms"), ",.0f"),
    ),
    runs_once=True,
)
