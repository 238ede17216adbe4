"""Whether a database has the schema of this version of the code.

Called before `web` and `worker` serve anybody. Knows the newest revision by the name of its file, and so does
without Alembic (migrate.py), whose import is a seventh of their start.
"""

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from server.ledger.engine import Ledger


async def is_current(url: str) -> bool:
    """False for an empty database, an older schema, and one of a newer version of the code.
    LedgerUnavailableError."""
    ledger = Ledger.connect(url)
    try:
        async with ledger.read() as conn:
            return await conn.run_sync(_revisions) == {newest_revision()}
    finally:
        await ledger.close()


def newest_revision() -> str:
    """Files are named `rNNNN_what.py` after their revision."""
    names = (file.name for file in (files("server.ledger") / "migrations" / "versions").iterdir())
    return max(name[1:5] for name in names if name.startswith("r"))


def _revisions(connection: Connection) -> set[str]:
    """Of the database; none where nobody has ever migrated it."""
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
