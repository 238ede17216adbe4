"""Sets time limits for a transaction that needs other ones than `engine.STATEMENT_SECONDS`."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def allow_time(conn: AsyncConnection, statement_s: float, idle_s: float) -> None:
    """Limit each statement, and the idle time between two, until the transaction ends. SQLite has no such
    limits, and nothing is set there.
    """
    if conn.dialect.name == "sqlite":
        return
    limits = {
        "statement_timeout": statement_s,
        "idle_in_transaction_session_timeout": idle_s,
    }
    for name, seconds in limits.items():
        await conn.execute(text(f"SET LOCAL {name} = {int(seconds * 1000)}"))
