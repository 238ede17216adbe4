"""A firewall or a NAT forgets a connection: nobody is told, and new ones work. Everything that waits on the
old one notices, and goes on over another."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection

from server.desk import DeskUnavailableError
from server.desk.redis.connection import connect, redis_deadline
from server.ledger import liveness
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops import claims
from server.ledger.engine import Ledger
from tests.integration.desk.test_feed_cuts import school_on
from tests.support.builders.classroom import Classroom
from tests.support.builders.desks import make_desk
from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.tcp_proxy import TcpProxy
from tests.support.worker_rig import WorkerRig, at_work, everybody, is_confirmed, make_rig

pytestmark = pytest.mark.asyncio

GIVE_UP_S = 15
BRIEF_S = 0.5


@pytest_asyncio.fixture
async def network(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[TcpProxy]:
    """Lost connections to Redis."""
    async with TcpProxy(redis_server.path, path=str(tmp_path / "net")) as proxy:
        yield proxy


async def test_one_wait_is_enough_for_a_whole_pool(network: TcpProxy) -> None:
    redis = connect(f"unix://{network.address}")
    await asyncio.gather(*(redis.ping() for _ in range(8)))
    network.lose()
    with pytest.raises(DeskUnavailableError):
        async with redis_deadline(BRIEF_S):
            await redis.ping()

    # The other seven are as dead, and nobody waits for them.
    before = network.connections
    async with redis_deadline(GIVE_UP_S):
        await asyncio.gather(*(redis.ping() for _ in range(8)))
    assert network.connections > before
    await redis.aclose()


async def test_the_feed_goes_on(redis_server: RedisServer, key_prefix: str, tmp_path: Path) -> None:
    async with (
        school_on(redis_server, key_prefix, tmp_path) as school,
        school.gateway.student("ada") as (ada, _),
    ):
        school.network.lose()
        await school.open_drop("drp_1")

        assert (await ada.next("drop_opened"))["drop"]["id"] == "drp_1"


async def test_a_tap_is_answered(
    redis_server: RedisServer, key_prefix: str, tmp_path: Path
) -> None:
    async with school_on(redis_server, key_prefix, tmp_path) as school:
        await school.open_drop("drp_1")
        async with school.gateway.student("ada") as (ada, _):
            school.network.lose()

            async def has_won() -> bool:
                return bool((await ada.claim("drp_1"))["outcome"] == "won")

            await eventually(has_won, GIVE_UP_S)


async def test_a_worker_confirms(
    classroom: Classroom, redis_server: RedisServer, network: TcpProxy
) -> None:
    """A process whose reads wait in Redis, on connections that are silently dead."""
    redis = connect(f"unix://{network.address}")
    rig: WorkerRig = make_rig(classroom.ledger, make_desk(redis, classroom.desk.prefix))
    await rig.outbox.make_groups()
    drop = await classroom.opened()
    async with at_work(rig):
        await classroom.won(drop.id, "s1")
        await eventually(lambda: is_confirmed(rig, drop.id, "s1"), GIVE_UP_S)
        network.lose()
        await classroom.won(drop.id, *everybody(3, start=2))
        beside = make_rig(classroom.ledger, classroom.desk, "wrk_beside")
        await eventually(lambda: is_confirmed(beside, drop.id, "s2", "s3", "s4"), GIVE_UP_S)
    await redis.aclose()


async def test_the_ledger_is_asked_over_another_connection(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt succeeds: the caller does not notice the loss."""
    address = urlsplit(migrated_postgres_url)
    folder = address.query.removeprefix("host=")
    async with TcpProxy(f"{folder}/.s.PGSQL.5432") as proxy:
        ledger = Ledger.connect(
            f"postgresql://{address.username}@127.0.0.1:{proxy.port}{address.path}"
        )

        async def look() -> None:
            async with ledger.begin() as conn:
                await claims.used_slots(conn, "bat_none", "nobody")

        await asyncio.gather(*(look() for _ in range(4)))
        proxy.lose()
        monkeypatch.setattr(liveness, "_FRESH_SECONDS", 0.0)  # as if it had idled
        async with asyncio.timeout(GIVE_UP_S):
            await asyncio.gather(*(look() for _ in range(4)))
        await ledger.close()


async def test_a_database_that_cuts_each_new_connection_is_unavailable(
    migrated_postgres_url: str,
) -> None:
    """The pool gives up with an error of its own kind; a caller hears what they hear of any loss."""
    ledger = Ledger.connect(migrated_postgres_url)

    def cut(connection: DBAPIConnection, _: object) -> None:
        connection.driver_connection.terminate()

    event.listen(ledger.engine.sync_engine, "connect", cut)
    for transaction in (ledger.begin, ledger.read):
        with pytest.raises(LedgerUnavailableError):
            async with transaction() as conn:
                await claims.used_slots(conn, "bat_none", "nobody")
    assert not await ledger.vacuum(["claims"])
    await ledger.close()


async def test_the_kernel_is_told_to_look_as_well(migrated_postgres_url: str) -> None:
    """It alone can tell a server that thinks from one that is not there, in the middle of a statement."""
    address = urlsplit(migrated_postgres_url)
    folder = address.query.removeprefix("host=")
    async with TcpProxy(f"{folder}/.s.PGSQL.5432") as proxy:
        ledger = Ledger.connect(
            f"postgresql://{address.username}@127.0.0.1:{proxy.port}{address.path}"
        )
        async with ledger.engine.connect() as conn:
            driver: Any = (await conn.get_raw_connection()).driver_connection
            sock = driver._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3_000
        await ledger.close()
