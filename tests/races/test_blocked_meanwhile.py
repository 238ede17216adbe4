"""Students are blocked while everybody taps, at two real processes: nobody else loses, whoever won keeps, and
a second after the last block no tap of a blocked student wins."""

import random
from functools import partial
from pathlib import Path

import pytest

from server.core.access.blocks import BlockForm
from server.core.access.rules import RuleKind
from server.flows.access.blocks import block
from tests.races.school import Json, School, SchoolMaker
from tests.support.builders.api import good
from tests.support.builders.classroom import Classroom, granted, now_ms
from tests.support.builders.web_processes import web_process
from tests.support.clients.crowd import (
    Claimer,
    Frame,
    a_crowd,
    all_at_once,
    bearer,
    http_client,
    winners,
)
from tests.support.eventually import eventually
from tests.support.gateways import a_token
from tests.support.servers.redis_server import RedisServer

pytestmark = pytest.mark.asyncio

ROOM = "101"
STUDENTS = 300
BLOCKED = 150
A_SECOND = 1.0
PROBE = "probe"  # blocked last: whoever knows of this block knows all before it


async def test_blocks_and_taps_at_once(
    school_maker_on_both: SchoolMaker, dice: random.Random
) -> None:
    school = await school_maker_on_both.two_ports()
    names = [f"s{number}" for number in range(STUDENTS)]
    tokens = school.tokens([*names, PROBE], ROOM)
    suspects = set(dice.sample(names, BLOCKED))
    batch_id = await school.made_batch(quantity=4 * STUDENTS, per_student=3)
    first, second = [
        (await school.opened(ROOM, batch_id, quantity=STUDENTS))["id"] for _ in range(2)
    ]
    waiting = (await school.opened(ROOM, batch_id, quantity=1, opens_in_seconds=300))["id"]
    over_sockets = {name: tokens[name] for name in names[::2]}
    over_http = {name: tokens[name] for name in names[1::2]}

    async with a_crowd(school.urls, ROOM, over_sockets, over_http) as crowd:
        async with school.books.watched(first):
            answers = await _tapped_while_blocked(school, crowd.claimers, first, suspects, dice)
        won = {one.student for one in winners(answers)}
        said = {one.student: answer["outcome"] for one, answer in answers}
        assert {said[name] for name in set(names) - suspects} == {"won"}
        assert {said[name] for name in suspects} <= {"won", "blocked"}

        await _all_processes_know(school, waiting, tokens[PROBE])
        later = dict(
            zip(
                [one.student for one in crowd.claimers],
                await all_at_once([partial(one.claim, second, "r") for one in crowd.claimers]),
                strict=True,
            )
        )
        outcomes = {name: answer["outcome"] for name, answer in later.items()}
        assert {outcomes[name] for name in suspects} == {"blocked"}
        assert {outcomes[name] for name in set(names) - suspects} == {"won"}
        # Whoever won before the block is told so again.
        again = await all_at_once([partial(one.claim, first, "tap") for one in crowd.claimers])
        for one, answer in zip(crowd.claimers, again, strict=True):
            assert answer["outcome"] == ("won" if one.student in won else "blocked")
    await school.books.settle(first)
    assert {row.student for row in await school.books.claims(first)} == won


async def _tapped_while_blocked(
    school: School,
    claimers: list[Claimer],
    drop_id: str,
    suspects: set[str],
    dice: random.Random,
) -> list[tuple[Claimer, Frame]]:
    """Everybody taps once while the suspects are blocked, in any order."""
    async with school.operator(1) as operator:

        async def blocked(name: str) -> Frame:
            body = {"kind": "student", "value": name, "reason": "a race"}
            same = {"Idempotency-Key": f"block-{name}"}

            async def is_recorded() -> Frame | None:
                answer = await operator.post("/v1/blocks", json=body, headers=same)
                # All blocks wait for one row: on a busy machine some are told to come again.
                return None if answer.status_code == 503 else good(answer, 201)

            found = await eventually(is_recorded, 30)
            assert found is not None
            return found

        taps = [partial(one.claim, drop_id, "tap") for one in claimers]
        blocks = [partial(blocked, name) for name in suspects]
        jobs = [*enumerate(taps), *((-1, job) for job in blocks)]
        dice.shuffle(jobs)
        found = await all_at_once([job for _, job in jobs], 30)
        await blocked(PROBE)
    by_number = {number: answer for (number, _), answer in zip(jobs, found, strict=True)}
    return [(one, by_number[number]) for number, one in enumerate(claimers)]


async def _all_processes_know(school: School, drop_id: str, token: str) -> None:
    """Wait, a second at most, until each process refuses the one who was blocked last."""
    for url in school.urls:
        async with http_client(url) as client:
            asked = 0

            async def is_blocked() -> bool:
                nonlocal asked
                asked += 1
                body: Json = {"request_id": f"r{asked}"}
                path = f"/v1/drops/{drop_id}/claims"
                answer = good(await client.post(path, json=body, headers=bearer(token)))
                return bool(answer["outcome"] == "blocked")

            await eventually(is_blocked, A_SECOND)


async def test_a_process_that_hears_of_no_block_lets_them_win(
    classroom: Classroom, redis_server: RedisServer, tmp_path: Path
) -> None:
    """The control: nothing behind the process refuses them; where it hears nothing, the test above fails."""
    async with web_process(classroom, redis_server, tmp_path, look_s=3_600) as web:
        await eventually(lambda: web.hears)
        await web.network.refuse()
        web.network.cut()
        await eventually(lambda: not web.hears)
        form = BlockForm(RuleKind.STUDENT, "s1", "a race")
        granted(await block(classroom.ledger, classroom.desk.feed, form, "olga", now_ms(), None))
        drop = await classroom.opened()
        student = await web.as_(a_token("s1", room=ROOM))
        answer = await student.post(f"/v1/drops/{drop.id}/claims", json={"request_id": "r"})

    assert good(answer)["outcome"] == "won"
