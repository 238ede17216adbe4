"""Scenario: a burst of spins of one lottery over HTTP, of which one of ten wins a coupon.

A spin is answered when its outcome is in the ledger, a win when its coupon is.
"""

from functools import partial
from typing import Final

from loadtest.bench.scenario import CaseResult, Column, Scenario
from loadtest.bench.scenarios.http_burst import LANES, burst, cases
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import SignedTokens

_ROOM: Final = "lottery"
_WIN_PPM: Final = 100_000


async def _run(url: str, tokens: SignedTokens, spins: int) -> CaseResult:
    async with api_as(url, tokens.staff("operator", _ROOM).token) as operator:
        batch_id = await make_batch(operator, "Prizes", spins)
        lottery = await operator.create_lottery(
            {
                "name": "Burst",
                "prizes": [
                    {"batch_id": batch_id, "ppm": _WIN_PPM},
                    {"batch_id": None, "ppm": 1_000_000 - _WIN_PPM},
                ],
                "chances": {"per_student": 1},
            }
        )
    students = [tokens.student(number, _ROOM).token for number in range(spins)]
    path = f"/v1/lotteries/{lottery['id']}/spins"
    spun = await burst(url, path, students, {"request_id": "r"})
    return CaseResult(
        {**spun.values, "won": spun.outcomes["won"]}, spun.unexpected("won", "nothing")
    )


LOTTERY: Final = Scenario(
    name="lottery",
    title="Spins of one lottery.",
    note=f"20,000 students spin once over HTTP, {LANES} requests under way; one of ten wins a coupon, and "
    "has it with the answer.",
    cases=partial(cases, "spin", _run),
    columns=(
        Column("spins/s", ("per_s",)),
        Column("coupons", ("won",)),
        Column("p50 / p99, ms", ("p50_ms", "p99_ms"), ",.0f"),
    ),
    runs_once=True,
)
