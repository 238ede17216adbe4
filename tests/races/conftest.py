"""Fixtures of a race: a school of real processes on either database, and random numbers from a known seed."""

import os
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.desk.redis.connection import connect
from server.ledger.engine import Ledger
from tests.races.books import Books
from tests.races.school import SchoolMaker
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import Programs, Stack


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Return random numbers of another seed in each run. A failure names the seed; TEST_SEED repeats it."""
    seed = int(os.environ.get("TEST_SEED") or random.SystemRandom().randrange(2**32))
    request.node.add_report_section("setup", "dice", f"TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def stack_on_both(
    programs: Programs, stack_environment: dict[str, str], database_url: str
) -> Stack:
    """Runs the test on SQLite and on PostgreSQL."""
    return Stack(programs, {**stack_environment, "CLASSDROP_DATABASE_URL": database_url})


async def _maker(stack: Stack, redis_server: RedisServer) -> AsyncIterator[SchoolMaker]:
    ledger = Ledger.connect(stack.environment["CLASSDROP_DATABASE_URL"])
    redis = connect(redis_server.url)
    books = Books(ledger, redis, stack.environment["CLASSDROP_KEY_PREFIX"])
    yield SchoolMaker(stack, books)
    await redis.aclose()
    await ledger.close()


@pytest_asyncio.fixture
async def school_maker(stack: Stack, redis_server: RedisServer) -> AsyncIterator[SchoolMaker]:
    async for maker in _maker(stack, redis_server):
        yield maker


@pytest_asyncio.fixture
async def school_maker_on_both(
    stack_on_both: Stack, redis_server: RedisServer
) -> AsyncIterator[SchoolMaker]:
    async for maker in _maker(stack_on_both, redis_server):
        yield maker
