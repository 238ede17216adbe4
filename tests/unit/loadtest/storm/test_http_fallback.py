"""A claim without an answer of the socket is sent by HTTP, one call at a time, until it is answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from client_sdk.python.shapes import ClaimReply
from loadtest.storm.http_fallback import Fallback
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio

SOON_S = 0.01


@dataclass(slots=True)
class Ann:
    token: str = "the-token"
    answer_due_at: float | None = None
    told: list[str] = field(default_factory=list)
    refused: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def claim_key(self) -> tuple[str, str]:
        return "drp_1", "r-1"

    def http_answered(self, answer: ClaimReply) -> None:
        self.answer_due_at = None
        self.told.append(answer["outcome"])

    def http_refused(self, code: str, *, is_final: bool) -> None:
        self.refused.append((code, is_final))
        if is_final:
            self.answer_due_at = None


class School:
    """A server that gives the responses in `answers` in turn; the last one again and again."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def won() -> httpx.Response:
    told = {"drop_id": "drp_1", "request_id": "r-1", "outcome": "won"}
    return httpx.Response(200, json=told)


@asynccontextmanager
async def running(school: School) -> AsyncIterator[Fallback]:
    fallback = Fallback(
        "http://school", lambda: httpx.AsyncClient(transport=httpx.MockTransport(school))
    )
    task = asyncio.create_task(fallback.run())
    yield fallback
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_tap_without_an_answer_is_asked_by_http_with_its_request_id() -> None:
    school, ann = School(won()), Ann()
    async with running(school) as fallback:
        fallback.expect(ann, SOON_S)
        await eventually(lambda: ann.told)

    assert ann.told == ["won"]
    (request,) = school.asked
    assert request.url.path == "/v1/drops/drp_1/claims"
    assert request.read() == b'{"request_id":"r-1"}'
    assert request.headers["Authorization"] == "Bearer the-token"


async def test_who_was_answered_or_tapped_again_is_not_asked_for() -> None:
    school, answered, again, bob = School(won()), Ann(), Ann(), Ann()
    async with running(school) as fallback:
        fallback.expect(answered, SOON_S)
        answered.answer_due_at = None
        fallback.expect(again, SOON_S)
        fallback.expect(again, 3_600)
        fallback.expect(bob, 2 * SOON_S)
        await eventually(lambda: bob.told)

    assert len(school.asked) == 1


async def test_server_that_is_busy_is_asked_again() -> None:
    school, ann = School(httpx.Response(503, json={"code": "unavailable"}), won()), Ann()
    async with running(school) as fallback:
        fallback.expect(ann, SOON_S)
        await eventually(lambda: ann.told)

    assert ann.refused == [("unavailable", False)]


async def test_refusal_that_stays_one_is_told_as_such() -> None:
    school, ann = School(httpx.Response(403, json={"code": "wrong_room"})), Ann()
    async with running(school) as fallback:
        fallback.expect(ann, SOON_S)
        await eventually(lambda: ann.refused)

    assert ann.refused == [("wrong_room", True)]
