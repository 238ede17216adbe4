"""Ledgers for tests: real, migrated, empty, one of each kind for every test that asks.

`ledger` runs the test twice, on SQLite and on PostgreSQL; `database_url` gives the same database by
its address. `empty_database_url` is one without tables and the test's alone, for tests that change
the schema. `uncommitted_ledger` is for tests that commit nothing: they share their database.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.engine import Dialect

from server.ledger.engine import Ledger
from server.ledger.migrate import upgrade
from server.ledger.tables import metadata
from tests.support.servers.postgres import Console, PostgresServer

KINDS = ("sqlite", "postgresql")

# Emptying is ten times quicker than a new database. Who refers to others goes first, and triggers, which
# keep what is on record, look away.
_EMPTY = "; ".join(
    [
        "SET session_replication_role = replica",
        *(
            f"DELETE FROM {table.name}"
            for table in reversed(metadata.sorted_tables)
            if table.name != "desks"
        ),
        "UPDATE desks SET epoch = 0, rebuilt_at = NULL",
    ]
)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once, copied for each test."""
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres_server: PostgresServer) -> str:
    """Migrated once, emptied before each test."""
    url = postgres_server.create()
    upgrade(url)
    return url


@pytest.fixture(scope="session")
def postgres_console(
    postgres_server: PostgresServer, migrated_postgres_url: str
) -> Iterator[Console]:
    with postgres_server.console(migrated_postgres_url) as console:
        yield console


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    # Asked for by name, so that the tests on SQLite run where there is no PostgreSQL.
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite_file")
        shutil.copy(template, tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    console: Console = request.getfixturevalue("postgres_console")
    url: str = request.getfixturevalue("migrated_postgres_url")
    console.run(_EMPTY)
    return url


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create()
    yield url
    server.drop(url)


_dialects: dict[str, Dialect] = {}
_compiled: dict[Any, Any] = {}


def connect(url: str) -> Ledger:
    """Connect as `Ledger.connect` does, with the SQL that earlier tests of this process have compiled.

    SQLAlchemy compiles a statement once for each engine and dialect, and each test has its own: that was a
    third of the CPU time of the tests on the ledger.
    """
    connected = Ledger.connect(url)
    for engine in (connected.engine, connected._reader):
        own = engine.sync_engine.dialect
        shared = _dialects.setdefault(own.name, own)
        if getattr(
            shared, "server_version_info", None
        ):  # it has been connected, and knows its server
            engine.sync_engine.dialect = shared
        engine.sync_engine.update_execution_options(compiled_cache=_compiled)
    return connected


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    connected = connect(database_url)
    yield connected
    await connected.close()


@pytest.fixture(scope="session")
def shared_sqlite_url(migrated_sqlite_file: Path) -> str:
    path = migrated_sqlite_file.with_name("shared.db")
    shutil.copy(migrated_sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create()
    upgrade(url)
    return url


@pytest.fixture(params=KINDS)
def shared_url(request: pytest.FixtureRequest) -> str:
    name = "shared_sqlite_url" if request.param == "sqlite" else "shared_postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest_asyncio.fixture
async def uncommitted_ledger(shared_url: str) -> AsyncIterator[Ledger]:
    connected = connect(shared_url)
    yield connected
    await connected.close()
