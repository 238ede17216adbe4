"""2,000 students spin at once at two processes, for 100 prizes: promise I10.

Nobody wins more than there is, each has one spin, and the other process gives the same answer to the same
request. tests/integration/lotteries/test_spins.py has the control without the lock.
"""

import asyncio
from collections import Counter

import pytest
from httpx import AsyncClient, TransportError
from sqlalchemy import func, select

from server.ledger.tables import coupons, lottery_spins
from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import good
from tests.support.clients.crowd import bearer, http_client
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio

STUDENTS = 2_000
PRIZES = 100
AT_A_TIME = 100  # requests under way at one process
ALL = 1_000_000


async def made_lottery(school: School) -> str:
    batch_id = await school.made_batch(quantity=10 * PRIZES)
    body = {
        "name": "Rush",
        "prizes": [{"batch_id": batch_id, "ppm": ALL, "quantity": PRIZES}],
        "chances": {"per_student": 1},
    }
    async with school.operator() as operator:
        lottery_id: str = good(await operator.post("/v1/lotteries", json=body), 201)["id"]
    return lottery_id


async def spun(client: AsyncClient, path: str, token: str) -> Json:
    """Spin; send the same request again where no answer came, or none yet."""
    found: list[Json] = []

    async def is_decided() -> bool:
        try:
            answer = await client.post(path, json={"request_id": "only"}, headers=bearer(token))
        except TransportError:
            return False
        found[:] = [] if answer.status_code == 503 else [good(answer)]
        return bool(found)

    await eventually(is_decided, deadline_s=60)
    return found[0]


async def all_spun(url: str, lottery_id: str, tokens: dict[str, str]) -> dict[str, Json]:
    """Let these students spin at this process, all with the same request id; return their answers."""
    answers: dict[str, Json] = {}
    waiting, path = list(tokens.items()), f"/v1/lotteries/{lottery_id}/spins"

    async def one_after_the_other() -> None:
        while waiting:
            student, token = waiting.pop()
            answers[student] = await spun(client, path, token)

    async with http_client(url, connections=AT_A_TIME) as client:
        await asyncio.gather(*(one_after_the_other() for _ in range(AT_A_TIME)))
    return answers


async def test_no_more_prizes_are_won_than_there_are(school_maker_on_both: SchoolMaker) -> None:
    school = await school_maker_on_both.two_ports()
    lottery_id = await made_lottery(school)
    tokens = school.tokens([f"s{n}" for n in range(STUDENTS)], "101")
    halves = [dict(list(tokens.items())[part::2]) for part in (0, 1)]

    parts = await asyncio.gather(
        *(all_spun(url, lottery_id, half) for url, half in zip(school.urls, halves, strict=True))
    )

    told = parts[0] | parts[1]
    outcomes = Counter(answer["outcome"] for answer in told.values())
    assert outcomes == {"won": PRIZES, "nothing": STUDENTS - PRIZES}
    won = {name: answer for name, answer in told.items() if answer["outcome"] == "won"}
    assert len({answer["coupon"]["code"] for answer in won.values()}) == PRIZES
    for url in school.urls:
        mine = {name: tokens[name] for name in won}
        assert await all_spun(url, lottery_id, mine) == won
    async with school.books.ledger.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(coupons)) == PRIZES
        rows = (await conn.execute(select(lottery_spins.c.student, lottery_spins.c.n))).all()
    assert len(rows) == STUDENTS
    assert {row.n for row in rows} == {1}
    (prize,) = (await school.seen(f"/v1/lotteries/{lottery_id}"))["prizes"]
    assert (prize["won"], prize["left"]) == (PRIZES, False)
