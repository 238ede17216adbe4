"""Tasks over real sockets: answers, watched time, and what a student who comes back is told."""

from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection

from server.core.drops.claims import Outcome
from server.core.drops.drops import RoomDrop
from server.core.drops.tasks import AnswerTask, SignInTask, Task, WatchTask
from server.core.ids import DropId
from server.desk.drops.task_desk import TaskOf
from server.desk.feed.feed_messages import FeedKind
from server.gateway.cadence import Cadence
from tests.support.builders.desks import SHARD, Desk, a_room_drop
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.asyncio

QUESTION = AnswerTask("1+1?", ("one", "two"), 1)


@pytest.fixture
def cadence() -> Cadence:
    return Cadence(watch_s=0.1, left_s=0.05)


async def open_drop(desk: Desk, task: Task, drop_id: str = "drp_1") -> RoomDrop:
    window = await desk.open(drop_id, units=5, has_task=True)
    assert window is not None
    shown = a_room_drop(drop_id, window=window, quantity=5, task=task)
    await desk.feed.publish(f"int_{drop_id}", FeedKind.OPENED, shown)
    return shown


async def test_a_claim_says_what_is_to_be_done(gateway: RunningGateway) -> None:
    await open_drop(gateway.desk, QUESTION)
    async with gateway.student() as (ada, welcome):
        assert welcome["drops"][0]["task"] == {
            "kind": "answer",
            "question": "1+1?",
            "options": ["one", "two"],
        }
        assert welcome["tasks"] == [
            {"drop_id": "drp_1", "done": 0, "needed": 1, "passed": False, "tries_left": 2}
        ]
        said = await ada.claim()
        assert said["outcome"] == Outcome.TASK_OPEN
        assert said["task"]["kind"] == "answer"
        assert said["progress"] == {"done": 0, "needed": 1, "passed": False, "tries_left": 2}
        told = {"reason": "task_open", "kind": "answer", "done": 0, "needed": 1, "tap": 1}
        assert said["why"] == told


async def test_answers_count_and_the_student_is_told_on_every_socket(
    gateway: RunningGateway,
) -> None:
    await open_drop(gateway.desk, QUESTION)
    async with gateway.student() as (ada, _), gateway.student() as (phone, _):
        await ada.send(type="answer", drop_id="drp_1", option=0)
        for device in (ada, phone):
            assert (await device.next("task_progress"))["tries_left"] == 1
        await phone.send(type="answer", drop_id="drp_1", option="two")
        assert (await ada.next("task_progress"))["passed"] is True
        assert (await ada.claim(request_id="r2"))["outcome"] == Outcome.WON
    async with gateway.student() as (_, welcome):
        assert welcome["tasks"][0]["passed"] is True


async def test_an_answer_that_is_none_costs_no_try(gateway: RunningGateway) -> None:
    await open_drop(gateway.desk, QUESTION)
    await open_drop(gateway.desk, SignInTask(), "drp_2")
    async with gateway.student() as (ada, _):
        for drop_id, option, code in (
            ("drp_1", 7, "invalid_field"),
            ("drp_2", 0, "not_found"),
            ("drp_9", 0, "not_found"),
        ):
            await ada.send(type="answer", drop_id=drop_id, option=option)
            assert (await ada.next("error"))["code"] == code
        assert (await ada.claim())["progress"]["tries_left"] == 2


async def test_answers_are_rate_limited(gateway: RunningGateway) -> None:
    await open_drop(gateway.desk, QUESTION)
    async with gateway.student() as (ada, _):
        for _ in range(6):
            await ada.send(type="answer", drop_id="drp_1", option=9)
        codes = [(await ada.next("error"))["code"] for _ in range(6)]
        assert codes == ["invalid_field"] * 5 + ["rate_limited"]


async def test_the_right_answer_is_in_no_byte_that_a_student_gets(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two questions that differ in the right answer alone give the same bytes, until one is answered."""
    received: list[str] = []
    receive = ClientConnection.recv

    async def recording(self: ClientConnection, *args: Any, **kwargs: Any) -> Any:
        text = await receive(self, *args, **kwargs)
        received.append(str(text))
        return text

    monkeypatch.setattr(ClientConnection, "recv", recording)
    await open_drop(gateway.desk, AnswerTask("?", ("a", "b", "c"), 2))
    async with gateway.student() as (ada, _):
        await ada.claim()
        for option in (0, 1):
            await ada.send(type="answer", drop_id="drp_1", option=option)
            await ada.next("task_progress")
        await ada.claim(request_id="r2")
    names = {name for text in received for name in _names(orjson.loads(text))}
    assert "options" in names
    assert "right" not in names


async def test_watched_time_runs_once_for_two_sockets(gateway: RunningGateway) -> None:
    drop = await open_drop(gateway.desk, WatchTask(1))
    of = TaskOf(SHARD, DropId("drp_1"), WatchTask(1))
    async with gateway.student() as (ada, welcome), gateway.student():
        assert welcome["tasks"][0] | {"done_seconds": 0} == {
            "drop_id": "drp_1",
            "done": 0,
            "needed": 1,
            "passed": False,
            "done_seconds": 0,
        }
        await _move_opening(gateway, drop, 59_000)
        await eventually(lambda: _seconds(gateway.desk, of, 59))
        progress = await ada.next("task_progress")
        assert (progress["done"], progress["passed"]) == (1, True)
        assert (await ada.claim())["outcome"] == Outcome.WON


async def test_time_is_kept_over_a_reconnect_by_another_process(
    gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    drop = await open_drop(gateway.desk, WatchTask(5))
    of = TaskOf(SHARD, DropId("drp_1"), WatchTask(5))
    async with gateway.student():
        await _move_opening(gateway, drop, 100_000)
    await eventually(lambda: _seconds(gateway.desk, of, 100))
    async with second_gateway.student() as (_, welcome):
        assert 100 <= welcome["tasks"][0]["done_seconds"] <= 105


async def _move_opening(gateway: RunningGateway, drop: RoomDrop, ms: int) -> None:
    """Let the drop have been open for `ms`, and the student have been there all the time."""
    key = gateway.desk.keys().drop(drop.id)
    await gateway.desk.redis.hset(key, "opens_at", str(drop.window.opens_at - ms))
    room = gateway.gateway.rooms["r1"]
    for student in room.watchers.written_until:
        room.watchers.written_until[student] -= ms


async def _seconds(desk: Desk, of: TaskOf, least: int) -> bool:
    found = (await desk.drops.tasks.progress_of([of], ["ada"]))[0]["ada"]
    return (found.done_seconds or 0) >= least


def _names(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for one in value.values() for name in _names(one)}
    return {name for one in value for name in _names(one)} if isinstance(value, list) else set()
