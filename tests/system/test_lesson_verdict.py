"""The lesson's verdict catches a server that breaks a promise: its book is kept by people who tap at
one, as Locust's users keep it.
"""

import asyncio
from contextlib import AsyncExitStack

import pytest

from client_sdk.python import RoomClient, Status
from loadtest.clients.school_api import api_as
from loadtest.clients.tokens import NamedToken, SignedTokens
from loadtest.lesson.student_outcomes import StudentOutcomes, judge_lesson
from loadtest.verdict import Finding, Rule
from tests.support.eventually import eventually
from tests.system.faulty_school import Fault, faulty_school

pytestmark = pytest.mark.asyncio

ROOM = "algebra"
STUDENTS, STOCK = 6, 3
PATIENCE_S = 0.5
PASSES = SignedTokens("k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss", "crowd")
TEACHER = PASSES.staff("instructor", ROOM).token


async def lesson_at(url: str) -> list[Finding]:
    """Everybody in, one drop, everybody taps; what the verdict finds."""
    outcomes = StudentOutcomes()
    crowd = [PASSES.student(number, ROOM) for number in range(STUDENTS)]
    async with AsyncExitStack() as room:
        clients = [await room.enter_async_context(_client(url, who)) for who in crowd]
        await eventually(lambda: all(one.state.status is Status.LIVE for one in clients))
        drop_id = await _open_drop(url)
        outcomes.add_drop(drop_id, STOCK, 0)
        people = zip(crowd, clients, strict=True)
        await asyncio.gather(*(_tap(outcomes, drop_id, who.name, client) for who, client in people))
    return await judge_lesson(outcomes.histories(is_private=True), url, ROOM, TEACHER, PATIENCE_S)


def _client(url: str, who: NamedToken) -> RoomClient:
    return RoomClient(url, ROOM, lambda: who.token)


async def _open_drop(url: str) -> str:
    async with api_as(url, TEACHER) as api:
        drop = await api.create_drop(
            ROOM, {"batch_id": "bat_1", "quantity": STOCK, "duration_seconds": 60, "message": ""}
        )
        return drop["id"]


async def _tap(outcomes: StudentOutcomes, drop_id: str, name: str, client: RoomClient) -> None:
    outcomes.tap(drop_id, name)
    try:
        async with asyncio.timeout(PATIENCE_S):
            if await client.claim(drop_id) == "won":
                await client.until_confirmed(drop_id)
    except TimeoutError:
        pass
    outcomes.claim_changed(name, client.state.claims[drop_id])


async def test_nothing_is_found_at_an_honest_server() -> None:
    async with faulty_school(Fault.NONE) as url:
        assert await lesson_at(url) == []


@pytest.mark.parametrize(
    ("fault", "rule", "text"),
    [
        (Fault.OVERSELLS, Rule.OVERSOLD, "4 told that they won, stock 3"),
        (Fault.LOSES, Rule.LOST, "told that they won, not in the claims list"),
        (Fault.FORGETS, Rule.UNANSWERED, "tapped, never answered (0 of them hold a claim)"),
    ],
)
async def test_server_that_breaks_a_promise_is_caught(fault: Fault, rule: Rule, text: str) -> None:
    async with faulty_school(fault) as url:
        findings = await lesson_at(url)

    assert (rule, text) in [(finding.rule, finding.text) for finding in findings]
