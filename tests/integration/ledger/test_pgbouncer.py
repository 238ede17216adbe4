"""The ledger behind pgbouncer in transaction mode: a transaction may get another connection of the server."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from server.ledger import schema
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from tests.support.servers.pgbouncer import PROGRAM, SERVER_CONNECTIONS, PgBouncer
from tests.support.servers.postgres import PostgresServer

pytestmark = pytest.mark.asyncio

_CLIENTS = 3 * SERVER_CONNECTIONS
_ABSENT = "no pgbouncer on this machine (apt-get install pgbouncer)"


@pytest.fixture(scope="module")
def pooled_url(postgres_server: PostgresServer) -> Iterator[str]:
    if not Path(PROGRAM).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(_ABSENT)
        pytest.skip(_ABSENT)
    direct = postgres_server.create()
    with PgBouncer(postgres_server) as pooler:
        yield pooler.url(direct)
    postgres_server.drop(direct)


@pytest_asyncio.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger.connect(pooled_url, 0.5, _CLIENTS)
    yield ledger
    await ledger.close()


async def test_it_is_migrated_and_known_to_be_current(pooled_url: str) -> None:
    await asyncio.to_thread(upgrade, pooled_url)
    assert await schema.is_current(pooled_url)


async def test_many_transactions_at_once_share_few_connections(pooled: Ledger) -> None:
    servers = set[int]()

    async def transactions(client: int) -> None:
        for turn in range(20):
            async with pooled.begin() as conn:
                servers.add(await conn.scalar(text("SELECT pg_backend_pid()")))
                query = text("SELECT CAST(:client AS int) * CAST(:turn AS int)")
                found = await conn.scalar(query, {"client": client, "turn": turn})
                assert found == client * turn

    await asyncio.gather(*(transactions(client) for client in range(_CLIENTS)))
    assert len(servers) <= SERVER_CONNECTIONS


async def test_each_transaction_has_the_limits_and_utc(pooled: Ledger) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone")
    for transaction in (pooled.begin, pooled.read):
        async with transaction() as conn:
            found = [await conn.scalar(text(f"SHOW {name}")) for name in names]
        assert found == ["500ms", "500ms", "1s", "UTC"]


async def test_a_statement_over_the_limit_is_cut_and_the_next_is_answered(pooled: Ledger) -> None:
    with pytest.raises(LedgerUnavailableError, match="statement timeout"):
        async with pooled.begin() as conn:
            await conn.execute(text("SELECT pg_sleep(5)"))
    async with pooled.begin() as conn:
        assert await conn.scalar(text("SELECT 1")) == 1


async def test_a_read_sees_one_snapshot_and_may_not_write(pooled: Ledger) -> None:
    async with pooled.read() as conn:
        names = ("transaction_isolation", "transaction_read_only")
        found = [await conn.scalar(text(f"SHOW {name}")) for name in names]
    assert found == ["repeatable read", "on"]


async def test_tables_are_vacuumed(pooled: Ledger) -> None:
    async with pooled.begin() as conn:
        await conn.execute(text("CREATE TABLE IF NOT EXISTS kept (id int)"))
    assert await pooled.vacuum(["kept"])
