"""A lost connection to Redis, as the desk sees it, on the event loop that the service runs on."""

import asyncio
from collections.abc import Coroutine

import pytest
import uvloop

from server.desk import DeskUnavailableError
from server.desk.redis.connection import connect, redis_deadline
from tests.support.servers.redis_server import RedisServer
from tests.support.sockets import next_pass


def run(scenario: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario)


def test_a_connection_cut_just_before_it_is_written_to_ends_no_process(
    redis_server: RedisServer,
) -> None:
    async def scenario() -> None:
        client = connect(redis_server.url)
        connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        connection._writer.transport.abort()
        await next_pass()  # it is closed, and nobody has noticed
        with pytest.raises(DeskUnavailableError):
            async with redis_deadline():
                await connection.send_command("PING")
        await client.connection_pool.release(connection)

        assert await client.ping()
        await client.aclose()

    run(scenario())
