"""The position of the video: told while it plays, not too often, and never twice at once."""

import asyncio
from typing import Any, cast

import pytest

from client_sdk.python import Api, ApiError
from client_sdk.python.player_position import PlayerPosition

pytestmark = pytest.mark.asyncio


class Calls:
    """An API that notes positions; `answers` are the errors of the next calls, None for a success."""

    def __init__(self, *answers: ApiError | None) -> None:
        self.told: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self._answers = list(answers)

    async def tell_position(self, room: str, video_seconds: int) -> Any:
        self.told.append((room, video_seconds))
        self.begun.set()
        await self.gate.wait()
        if self._answers and (error := self._answers.pop(0)):
            raise error


class Clock:
    ms = 0.0

    def __call__(self) -> float:
        return self.ms


def player(calls: Calls, clock: Clock) -> PlayerPosition:
    return PlayerPosition(cast(Api, calls), "algebra", every_ms=2_000, now_ms=clock)


async def test_a_playing_video_is_told_once_in_two_seconds_in_whole_seconds() -> None:
    calls, clock = Calls(), Clock()
    position = player(calls, clock)
    told = []
    for clock.ms in (0, 250, 1_999, 2_000):
        told.append(await position.update(10.9 + clock.ms / 1000, True))
    assert told == [True, False, False, True]
    assert calls.told == [("algebra", 10), ("algebra", 12)]


async def test_a_paused_video_and_what_is_no_position_are_not_told() -> None:
    calls, clock = Calls(), Clock()
    position = player(calls, clock)
    assert not await position.update(10, False)
    for wrong in (-1, 86_401, float("nan"), float("inf")):
        assert not await position.update(wrong, True)
    assert calls.told == []


async def test_a_slow_call_is_not_overtaken() -> None:
    calls, clock = Calls(), Clock()
    position = player(calls, clock)
    calls.gate.clear()
    first = asyncio.create_task(position.update(1, True))
    await calls.begun.wait()
    clock.ms = 60_000
    assert not await position.update(61, True)
    calls.gate.set()
    assert await first
    assert await position.update(62, True)


async def test_after_a_refusal_it_waits_as_long_as_the_server_asks_and_goes_on() -> None:
    refused = ApiError("rate_limited", 429, {}, 5_000)
    calls, clock = Calls(refused), Clock()
    position = player(calls, clock)
    assert not await position.update(1, True)
    assert position.error is refused
    clock.ms = 4_999
    assert not await position.update(6, True)
    clock.ms = 5_000
    assert await position.update(7, True)
    assert position.error is None
    assert [seconds for _, seconds in calls.told] == [1, 7]
