"""Brings a database to the schema of this version of the code.

Called by the command line (`migrate`, and every start with the embedded database); whether it is there
says schema.py. Runs an event loop of its own: inside one, call it with `asyncio.to_thread`.
A new revision is a file in migrations/versions, written by hand from `script.py.mako`; the test
that compares it with tables/ says what is missing.
"""

import asyncio
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from server.ledger.engine import Ledger

# Any number no other program takes a lock by in the same database.
_MIGRATION_LOCK = 0x636C617373  # "class"


def upgrade(url: str) -> None:
    """To the newest revision, in one transaction: done wholly or not at all. Whoever comes while
    another process migrates waits for it and finds nothing to do. LedgerUnavailableError.
    """
    asyncio.run(_upgrade(url))


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


def _config(folder: str) -> Config:
    config = Config()
    # A % is the start of a substitution in Alembic's settings.
    config.set_main_option("script_location", folder.replace("%", "%%"))
    return config
