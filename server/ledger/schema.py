"""Checks whether a database has the schema of this version of the code.

Called before `web` and `worker` start to serve. Takes the newest revision from the name of its file and does
not import Alembic, whose import is a seventh of their start time.
"""

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from server.ledger.engine import Ledger


async def is_current(url: str) -> bool:
    """Return False for an empty database, and for an older or newer schema. Raises LedgerUnavailableError."""
    ledger = Ledger.connect(url)
    try:
        async with ledger.read() as conn:
            return await conn.run_sync(_revisions) == {newest_revision()}
    finally:
        await ledger.close()


def newest_revision() -> str:
    """Return the highest revision: files are named `rNNNN_what.py`."""
    names = (file.name for file in (files("server.ledger") / "migrations" / "versions").iterdir())
    return max(name[1:5] for name in names if name.startswith("r"))


def _revisions(connection: Connection) -> set[str]:
    """Return the revisions of the database; none if it was never migrated."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
