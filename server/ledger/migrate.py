"""Brings a database to the schema of this version of the code, or says whether it is there.

Called by the command line (`migrate`, and every start with the embedded database) and by readiness.
Both functions run an event loop of their own: inside one, call them with `asyncio.to_thread`.
A new revision is a file in migrations/versions, written by hand from `script.py.mako`; the test
that compares it with tables.py says what is missing.
"""

import asyncio
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from server.ledger.engine import Ledger

# Any number no other program takes a lock by in the same database.
_MIGRATION_LOCK = 0x636C617373  # "class"


def upgrade(url: str) -> None:
    """To the newest revision, in one transaction: done wholly or not at all. Whoever comes while
    another process migrates waits for it and finds nothing to do. LedgerUnavailableError.
    """
    asyncio.run(_upgrade(url))


def is_current(url: str) -> bool:
    """False for an empty database, an older schema, and one of a newer version of the code."""
    return asyncio.run(_is_current(url))


async def _upgrade(url: str) -> None:
    ledger = Ledger.connect(url, statement_seconds=None)
    try:
        async with ledger.begin() as conn:
            await conn.run_sync(_upgrade_on)
    finally:
        await ledger.close()


def _upgrade_on(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    with as_file(files("server.ledger") / "migrations") as folder:
        config = _config(str(folder))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


async def _is_current(url: str) -> bool:
    ledger = Ledger.connect(url)
    try:
        async with ledger.read() as conn:
            return await conn.run_sync(_is_head)
    finally:
        await ledger.close()


def _is_head(connection: Connection) -> bool:
    with as_file(files("server.ledger") / "migrations") as folder:
        newest = ScriptDirectory.from_config(_config(str(folder))).get_heads()
    return MigrationContext.configure(connection).get_current_heads() == tuple(newest)


def _config(folder: str) -> Config:
    config = Config()
    # A % is the start of a substitution in Alembic's settings.
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config
