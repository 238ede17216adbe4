"""A Redis behind Sentinel: whoever is promoted is found, and an old primary that comes back is not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from server.desk import DeskUnavailableError
from server.desk.redis.connection import connect, database_of, redis_deadline
from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.replication import ask
from tests.support.servers.sentinel import PRIMARY_NAME, watching
from tests.support.servers.stack import free_port

pytestmark = pytest.mark.asyncio

_GIVE_UP_S = 30.0


@dataclass(frozen=True, slots=True)
class Watched:
    primary: RedisServer
    replica: RedisServer
    sentinel_port: int
    client: Redis


@pytest_asyncio.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    with (
        RedisServer(tmp_path / "primary", port=free_port()) as primary,
        RedisServer(tmp_path / "replica", port=free_port()) as replica,
    ):
        ask(replica, "REPLICAOF", "127.0.0.1", str(primary.port))
        with watching(tmp_path / "sentinel", primary.port) as port:
            # The first of them is not there: the next is asked.
            hosts = f"127.0.0.1:{free_port()},127.0.0.1:{port}"
            url = f"redis+sentinel://{hosts}/{PRIMARY_NAME}?db=0"
            async with connect(url) as client:
                await eventually(lambda: knows_both(client, port), _GIVE_UP_S)
                yield Watched(primary, replica, port, client)
                await client.aclose(close_connection_pool=True)


async def knows_both(client: Redis, port: int) -> bool:
    """Return whether Sentinel is there and can promote the replica."""
    async with connect(f"redis://127.0.0.1:{port}") as sentinel:
        try:
            found = await sentinel.sentinel_slaves(PRIMARY_NAME)
        except RedisError:
            return False
        finally:
            await sentinel.aclose(close_connection_pool=True)
    return len(found) == 1 and await is_written(client, "ready")


async def is_written(client: Redis, value: str) -> bool:
    """Return whether a write came through, to whomever it did, and reached a replica where there is one."""
    try:
        async with redis_deadline():
            await client.set("key", value)
    except DeskUnavailableError:
        return False
    return True


async def is_planned(watched: Watched) -> bool:
    """Return whether Sentinel now changes the roles, which it does once it has heard of the replica."""
    async with connect(f"redis://127.0.0.1:{watched.sentinel_port}") as sentinel:
        try:
            await sentinel.sentinel_failover(PRIMARY_NAME)
        except ResponseError:
            return False
        finally:
            await sentinel.aclose(close_connection_pool=True)
    return True


async def test_the_promoted_replica_is_found_and_the_old_primary_is_not(watched: Watched) -> None:
    client = watched.client
    watched.primary.kill9()
    assert not await is_written(client, "too early")
    await eventually(lambda: is_written(client, "promoted"), _GIVE_UP_S)
    assert ask(watched.replica, "GET", "key") == b"promoted"

    watched.primary.restart()
    await client.connection_pool.disconnect()
    assert await is_written(client, "after it came back")
    assert ask(watched.replica, "GET", "key") == b"after it came back"


async def test_a_primary_that_was_made_a_replica_is_left(watched: Watched) -> None:
    assert await is_written(watched.client, "before")
    await eventually(lambda: is_planned(watched), _GIVE_UP_S)

    async def is_on_the_new_one() -> bool:
        try:
            async with redis_deadline():
                await watched.client.set("key", "after")
                told = await watched.client.info()
        except DeskUnavailableError:
            return False
        return bool(told["tcp_port"] == watched.replica.port and told["role"] == "master")

    await eventually(is_on_the_new_one, _GIVE_UP_S)


async def test_it_is_a_redis_like_others(watched: Watched) -> None:
    assert database_of(watched.client) == 0
    assert (await watched.client.info())["role"] == "master"
