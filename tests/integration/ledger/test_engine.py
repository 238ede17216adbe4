"""Transactions, and which errors mean "ask again": the same on both databases."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger import tables as t
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.engine import Ledger
from tests.support.builders.ledger_rows import add, add_drop
from tests.support.servers.postgres import PostgresServer, find_binaries

pytestmark = pytest.mark.asyncio


class DeliberateError(Exception):
    pass


async def _allotted(ledger: Ledger) -> int:
    async with ledger.read() as conn:
        allotted: int = (await conn.execute(select(t.batches.c.allotted))).scalar_one()
        return allotted


async def test_a_write_transaction_is_kept_when_it_ends(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await add_drop(conn)

    assert await _allotted(ledger) == 10


async def test_a_write_transaction_that_raises_leaves_nothing(ledger: Ledger) -> None:
    async def break_off() -> None:
        async with ledger.begin() as conn:
            await add_drop(conn)
            raise DeliberateError

    with pytest.raises(DeliberateError):
        await break_off()

    async with ledger.read() as conn:
        assert (await conn.execute(select(t.batches))).all() == []


async def test_a_look_cannot_write(ledger: Ledger) -> None:
    with pytest.raises((DBAPIError, LedgerUnavailableError)):
        async with ledger.read() as conn:
            await add(conn, t.templates)

    async with ledger.read() as conn:
        assert (await conn.execute(select(t.templates))).all() == []


async def test_a_look_sees_one_moment_throughout(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await add_drop(conn)
    async with ledger.read() as looking:
        before = (await looking.execute(select(t.batches.c.allotted))).scalar_one()
        async with ledger.begin() as conn:
            await conn.execute(update(t.batches).values(allotted=77))
        after = (await looking.execute(select(t.batches.c.allotted))).scalar_one()

    assert (before, after, await _allotted(ledger)) == (10, 10, 77)


async def test_additions_at_once_all_count(ledger: Ledger) -> None:
    async with ledger.begin() as conn:
        await add_drop(conn)

    async def add_one() -> None:
        async with ledger.begin() as conn:
            await conn.execute(update(t.batches).values(allotted=t.batches.c.allotted + 1))

    await asyncio.gather(*(add_one() for _ in range(20)))

    assert await _allotted(ledger) == 30


async def test_a_broken_constraint_passes_as_it_is(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError):
        async with ledger.begin() as conn:
            await add(conn, t.template_versions)


async def test_an_error_does_not_repeat_what_was_asked(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError) as error:
        async with ledger.begin() as conn:
            await add(conn, t.drops, message="for Li Hua", quantity=0)

    # (PostgreSQL's own text still quotes a row that breaks a check.)
    assert "hidden due to hide_parameters" in str(error.value)


async def test_a_mistake_of_ours_is_not_called_unavailable(ledger: Ledger) -> None:
    with pytest.raises((OperationalError, ProgrammingError)):
        async with ledger.begin() as conn:
            await conn.execute(text("SELECT * FROM no_such_table"))


async def test_a_statement_that_takes_too_long_is_unavailable(
    migrated_postgres_url: str,
) -> None:
    ledger = Ledger.connect(migrated_postgres_url, statement_seconds=0.1)
    with pytest.raises(LedgerUnavailableError):
        async with ledger.begin() as conn:
            await conn.execute(text("SELECT pg_sleep(20)"))
    await ledger.close()


async def test_a_row_held_too_long_by_another_is_unavailable(
    migrated_postgres_url: str,
) -> None:
    ledger = Ledger.connect(migrated_postgres_url, statement_seconds=0.2)
    async with ledger.begin() as holding:
        await holding.execute(update(t.desks).values(epoch=1))
        with pytest.raises(LedgerUnavailableError):
            async with ledger.begin() as conn:
                await conn.execute(update(t.desks).values(epoch=2))
    await ledger.close()


async def test_a_server_that_dies_is_unavailable_until_it_is_back() -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine")
    with PostgresServer(binaries) as server:
        ledger = Ledger.connect(server.url("postgres"))
        assert await _answers(ledger)
        server.crash()
        with pytest.raises(LedgerUnavailableError):
            await _answers(ledger)
        server.restart()
        assert await _answers(ledger)
        await ledger.close()


async def test_a_server_that_dies_within_a_transaction_is_unavailable() -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine")
    with PostgresServer(binaries) as server:
        ledger = Ledger.connect(server.url("postgres"))

        async def outlive_the_server() -> None:
            async with ledger.begin() as conn:
                await conn.execute(text("SELECT 1"))
                server.crash()
                await conn.execute(text("SELECT 1"))

        with pytest.raises(LedgerUnavailableError):
            await outlive_the_server()
        await ledger.close()


async def _answers(ledger: Ledger) -> bool:
    async with ledger.read() as conn:
        return bool((await conn.execute(text("SELECT 1"))).scalar_one())


async def test_a_sqlite_file_that_another_process_keeps_locked_is_unavailable(
    migrated_sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.ledger.engine._PRAGMAS", ("busy_timeout=50", "journal_mode=WAL"))
    shutil.copy(migrated_sqlite_file, tmp_path / "ledger.db")
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    one, other = Ledger.connect(url), Ledger.connect(url)
    async with one.begin():
        with pytest.raises(LedgerUnavailableError):
            async with other.begin():
                pass
    await one.close()
    await other.close()


async def test_sqlite_waits_for_another_writer_without_holding_up_the_loop(
    migrated_sqlite_file: Path,
) -> None:
    url = f"sqlite:///{migrated_sqlite_file}"
    one, other = Ledger.connect(url), Ledger.connect(url)

    async def write() -> None:
        async with other.begin():
            pass

    async with one.begin():
        waiting = asyncio.create_task(write())
        for _ in range(20):  # turns of the loop, each with time for other threads
            await asyncio.to_thread(waiting.done)
        assert not waiting.done()
    await waiting
    await one.close()
    await other.close()


async def _lets_others_go_on(conn: AsyncConnection, rows: int) -> bool:
    """Measure while it runs a statement of so many parameters."""
    gone_on: list[bool] = []
    asyncio.get_running_loop().call_soon(gone_on.append, True)
    marks = ", ".join("?" * rows)
    await conn.exec_driver_sql(f"SELECT 1 WHERE 1 IN ({marks})", tuple(range(rows)))
    return bool(gone_on)


async def test_on_sqlite_a_small_statement_of_a_writer_takes_no_turn_and_a_large_one_does(
    migrated_sqlite_file: Path,
) -> None:
    ledger = Ledger.connect(f"sqlite:///{migrated_sqlite_file}")
    async with ledger.begin() as conn:
        small, large = await _lets_others_go_on(conn, 10), await _lets_others_go_on(conn, 500)
    async with ledger.read() as conn:
        look = await _lets_others_go_on(conn, 10)
    await ledger.close()

    assert (small, large, look) == (False, True, True)


async def test_sqlite_keeps_what_was_committed_and_checks_references(tmp_path: Path) -> None:
    ledger = Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with ledger.begin() as conn:
        found = {
            pragma: (await conn.execute(text(f"PRAGMA {pragma}"))).scalar_one()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    await ledger.close()

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("url", ["mysql://host/db", "oracle://host/db"])
async def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be a URL that starts with"):
        Ledger.connect(url)


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    ledger = Ledger.connect(f"postgresql://somebody@/db?host={tmp_path}")
    with pytest.raises(LedgerUnavailableError):
        async with ledger.read():
            pass
    await ledger.close()


async def test_what_people_write_for_libpq_reaches_the_server(
    postgres_server: PostgresServer,
) -> None:
    """Two hosts, of which the first is away; a name; a setting; and options the driver does not know."""
    database = postgres_server.create()
    base, _, query = database.partition("?")
    away = f"/nowhere,{query.removeprefix('host=')}"
    wishes = "application_name=drops%20web&options=-c%20search_path%3Ddrops&channel_binding=require"
    url = f"{base}?host={away}&port=5432,5432&target_session_attrs=read-write&{wishes}&connect_timeout=3"
    ledger = Ledger.connect(url)
    try:
        async with ledger.read() as conn:
            name = await conn.scalar(text("SHOW application_name"))
            path = await conn.scalar(text("SHOW search_path"))
            limit = await conn.scalar(text("SHOW statement_timeout"))
    finally:
        await ledger.close()
        postgres_server.drop(database)

    assert (name, path, limit) == ("drops web", "drops", "5s")


async def test_it_says_what_a_crash_would_make_it_forget(postgres_server: PostgresServer) -> None:
    """The tests' own server is such a one; a setting of the connection stands for a healthy one."""
    url = postgres_server.create()
    weak, sound = Ledger.connect(url), Ledger.connect(url)

    @event.listens_for(sound.engine.sync_engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")

    assert await weak.unsafe_durability_settings() == {"fsync": "off", "synchronous_commit": "off"}
    assert "synchronous_commit" not in await sound.unsafe_durability_settings()
    await weak.close()
    await sound.close()


async def test_sqlite_forgets_nothing(tmp_path: Path) -> None:
    ledger = Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert await ledger.unsafe_durability_settings() == {}
    await ledger.close()
