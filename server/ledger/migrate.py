"""Migrates a database to the schema of this version of the code.

Called by the command line: `migrate`, and every start with the embedded database. schema.py says whether it
is needed. Runs an event loop of its own: inside one, call it with `asyncio.to_thread`.

A new revision is a file in migrations/versions, written by hand from `script.py.mako`; a test compares the
result with tables/.
"""

import asyncio
from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from server.ledger.engine import Ledger

# Any number that no other program uses for an advisory lock in the same database.
_MIGRATION_LOCK = 0x636C617373  # "class"


def upgrade(url: str) -> None:
    """Migrate to the newest revision, in one transaction.

    A second process waits for the first one and then finds nothing to do. Raises LedgerUnavailableError.
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
    if connection.dialect.name == "postgresql":  # SQLite runs one write transaction at a time
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
