"""A desk whose scripts read a clock that the test sets: for what happens at the very millisecond of an end.

On a real clock a boundary of one millisecond is decided by the speed of the machine.
"""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from server.desk.redis.connection import connect
from server.desk.scripts import loader
from tests.support.builders.desks import Desk, make_desk
from tests.support.servers.redis_server import RedisServer

_REAL = re.compile(r"^local function now_ms\(\).*?^end$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DeskClock:
    """The clock of all scripts of one desk, in milliseconds."""

    redis: Redis
    key: str

    async def set(self, now: int) -> None:
        await self.redis.set(self.key, now)


@dataclass(frozen=True, slots=True)
class ClockedDesk:
    desk: Desk
    clock: DeskClock


@pytest_asyncio.fixture
async def clocked(
    redis_server: RedisServer, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ClockedDesk]:
    """A desk with a fence that is armed, and its clock at 1,000,000."""
    key = f"clock-{uuid.uuid4().hex}"
    source = loader._source
    monkeypatch.setattr(loader, "_source", lambda name: _with_clock(source(name), key))
    redis = connect(redis_server.url)
    clock = DeskClock(redis, key)
    await clock.set(1_000_000)
    desk = make_desk(redis, key_prefix)
    await desk.arm()
    yield ClockedDesk(desk, clock)
    await desk.claims.close()
    await redis.delete(key)
    await redis.aclose()


def _with_clock(text: str, key: str) -> str:
    clock = f"local function now_ms() return tonumber(redis.call('GET', '{key}')) end"
    return _REAL.sub(lambda _: clock, text)
