"""Scenario: a shop's back end locks a coupon on an order and confirms the payment, again and again.

Each order has a coupon and a student of its own, won in a drop before. Each of the connections does one pair
of calls after the other, as fast as the server answers. Runs on SQLite with one `web` process and, if the
machine has PostgreSQL, on PostgreSQL with two.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from loadtest.bench.scenario import Case, CaseResult, Column, Scenario
from loadtest.bench.scenarios.ledgers import cases
from loadtest.clients.http_connection import HttpConnection
from loadtest.clients.school_api import api_as, make_batch
from loadtest.clients.tokens import NamedToken, SignedTokens
from loadtest.percentiles import Spread
from loadtest.storm.worker_pool import RunError

_ROOM: Final = "shop"
_AT_ONCE: Final = 24  # connections at the same time
_SETTLE_S: Final = 60.0
_PAUSE_S: Final = 0.1
_PRICE: Final = 9_900
_OFF: Final = 1_000  # the discount of the tester's own template


@dataclass(frozen=True, slots=True)
class _Bought:
    """One purchase. `ms`: from the start of the lock call to the end of the confirmation."""

    ms: float
    finding: str | None = None


async def _run(url: str, tokens: SignedTokens, orders: int) -> CaseResult:
    students = [tokens.student(number, _ROOM) for number in range(orders)]
    connections = [await HttpConnection.to(url) for _ in range(_AT_ONCE)]
    try:
        codes = await _give_coupons(url, tokens, students, connections)
        service = tokens.staff("service", _ROOM).token
        waiting = list(zip(students, codes, strict=True))
        begun = time.perf_counter()
        lanes = (_buy_all(connection, waiting, service) for connection in connections)
        bought = [one for lane in await asyncio.gather(*lanes) for one in lane]
        took_s = time.perf_counter() - begun
    finally:
        for connection in connections:
            connection.close()
    spread = Spread.of(one.ms for one in bought)
    return CaseResult(
        {
            "pairs_per_s": len(bought) / took_s,
            "p50_ms": spread.p50,
            "p99_ms": spread.p99,
            "max_ms": spread.max,
        },
        sorted({one.finding for one in bought if one.finding}),
    )


async def _give_coupons(
    url: str,
    tokens: SignedTokens,
    students: Sequence[NamedToken],
    connections: Sequence[HttpConnection],
) -> list[str]:
    """Let every student win a unit of one drop, and return their codes in the order of `students`."""
    async with (
        api_as(url, tokens.staff("operator", _ROOM).token) as operator,
        api_as(url, tokens.staff("instructor", _ROOM).token) as teacher,
    ):
        batch = await make_batch(operator, "Checkout", len(students))
        drop = await teacher.create_drop(
            _ROOM, {"batch_id": batch, "quantity": len(students), "duration_seconds": 600}
        )
        path = f"/v1/drops/{drop['id']}/claims"
        await _claim_all(connections, students, path)
        give_up_at = time.monotonic() + _SETTLE_S
        while (await teacher.get_drop(_ROOM, drop["id"]))["confirmed"] < len(students):
            if time.monotonic() > give_up_at:
                raise RunError("the coupons were not confirmed")
            await asyncio.sleep(_PAUSE_S)
    answers = await _claim_all(connections, students, path)
    return [str(answer["coupon"]["code"]) for answer in answers]


async def _claim_all(
    connections: Sequence[HttpConnection], students: Sequence[NamedToken], path: str
) -> list[dict[str, Any]]:
    """Send every student's claim and return the answers.

    A second call repeats the same request ids, so it returns the same claims, now with their coupons.
    """
    answers: dict[int, dict[str, Any]] = {}
    waiting = list(enumerate(students))

    async def lane(connection: HttpConnection) -> None:
        while waiting:
            number, student = waiting.pop()
            _, answers[number] = await connection.post(path, {"request_id": "r"}, student.token)

    await asyncio.gather(*(lane(connection) for connection in connections))
    return [answers[number] for number in range(len(students))]


async def _buy_all(
    connection: HttpConnection, waiting: list[tuple[NamedToken, str]], service: str
) -> list[_Bought]:
    bought = []
    while waiting:
        student, code = waiting.pop()
        bought.append(await _buy(connection, student, code, service))
    return bought


async def _buy(connection: HttpConnection, student: NamedToken, code: str, service: str) -> _Bought:
    line = {"id": "1", "course": "algebra", "unit_price": _PRICE, "quantity": 1}
    order = {"currency": "CNY", "lines": [line]}
    form = {"order_id": f"o-{student.name}", "student": student.name, "order": order}
    begun = time.perf_counter()
    status, locked = await connection.post("/v1/redemptions", {**form, "coupons": [code]}, service)
    if status != 201 or locked["payable"] != _PRICE - _OFF:
        return _Bought(_ms_since(begun), f"a lock was answered {status} {locked.get('code')}")
    path = f"/v1/redemptions/{locked['id']}/confirm"
    status, paid = await connection.post(path, {"payment_ref": code}, service)
    is_paid = status == 200 and paid["state"] == "redeemed"
    said = None if is_paid else f"a payment was answered {status} {paid.get('code')}"
    return _Bought(_ms_since(begun), said)


def _ms_since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def _cases(is_quick: bool) -> list[Case]:
    return cases("shop", _run, 2_000, on_postgres=4_000, quick=40, is_quick=is_quick)


CHECKOUT: Final = Scenario(
    name="checkout",
    title="A coupon on an order.",
    note=f"Lock and confirmation, each a transaction on disk, from {_AT_ONCE} connections at once; the "
    "delay is of both together.",
    cases=_cases,
    columns=(
        Column("pairs/s", ("pairs_per_s",)),
        Column("p50 / p99 / max, ms", ("p50_ms", "p99_ms", "max_ms")),
    ),
)
