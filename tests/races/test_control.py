"""Would this harness notice? The same rush against a desk that looks before it takes, and ours."""

import random
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Protocol

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.redis.connection import connect
from server.desk.redis.nodes import Nodes
from tests.support.builders.desks import SHARD, Desk
from tests.support.clients.crowd import all_at_once
from tests.support.machines.naive_desk import NaiveDesk
from tests.support.servers.redis_server import RedisServer

pytestmark = pytest.mark.asyncio

CONNECTIONS = 8  # as many processes would have
STUDENTS = 600
UNITS = 50
ROUNDS = 5
DROP, BATCH = DropId("drp_1"), BatchId("bat_1")


class SomeDesk(Protocol):
    async def claim(
        self, *, shard: int, drop_id: DropId, batch_id: BatchId, student: StudentId, request_id: str
    ) -> ClaimAnswer: ...


@pytest_asyncio.fixture
async def clients(redis_server: RedisServer) -> AsyncIterator[list[Nodes]]:
    made = [connect(redis_server.url) for _ in range(CONNECTIONS)]
    yield made
    for client in made:
        await client.aclose()


async def rush(
    desks: Sequence[SomeDesk], drop_id: DropId, batch_id: BatchId, dice: random.Random
) -> list[Outcome]:
    """Every student taps once, at any of the desks, all at once; in any order."""
    students = [StudentId(f"s{n}") for n in range(STUDENTS)]
    dice.shuffle(students)

    answers = await all_at_once(
        [
            partial(
                desks[n % len(desks)].claim,
                shard=SHARD,
                drop_id=drop_id,
                batch_id=batch_id,
                student=student,
                request_id="r1",
            )
            for n, student in enumerate(students)
        ]
    )
    return [answer.outcome for answer in answers]


async def test_harness_makes_a_desk_oversell_that_looks_before_it_takes(
    clients: list[Nodes], key_prefix: str, dice: random.Random
) -> None:
    desks = [NaiveDesk(client, key_prefix) for client in clients]
    await desks[0].open(DROP, UNITS)

    won = (await rush(desks, DROP, BATCH, dice)).count(Outcome.WON)

    assert won > UNITS, (
        f"{STUDENTS} students over {CONNECTIONS} connections won {won} of {UNITS} units at a desk "
        "that cannot count: the harness makes no race, and the tests of this folder that pass "
        "under it may be useless"
    )


async def test_under_the_same_harness_ours_gives_exactly_what_there_is(
    clients: list[Nodes], desk: Desk, dice: random.Random
) -> None:
    desks = [ClaimDesk(client, desk.prefix) for client in clients]
    for number in range(ROUNDS):
        drop_id, batch_id = DropId(f"drp_{number}"), BatchId(f"bat_{number}")
        await desk.open(drop_id, units=UNITS, batch_id=batch_id)

        outcomes = await rush(desks, drop_id, batch_id, dice)

        assert outcomes.count(Outcome.WON) == UNITS, f"round {number}"
        assert outcomes.count(Outcome.SOLD_OUT) == STUDENTS - UNITS, f"round {number}"
        counts = await desk.drops.counts(SHARD, drop_id)
        assert counts is not None
        assert (counts.claimed, counts.remaining) == (UNITS, 0), f"round {number}"
