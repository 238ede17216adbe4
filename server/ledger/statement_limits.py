"""Time limits of a transaction that needs others than `engine.STATEMENT_SECONDS`."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


async def allow_time(conn: AsyncConnection, statement_s: float, idle_s: float) -> None:
    """Until the transaction ends: for each statement, and between two of them. SQLite has no such limits."""
    if conn.dialect.name == "sqlite":
        return
    limits = {
        "statement_timeout": statement_s,
        "idle_in_transaction_session_timeout": idle_s,
    }
    for name, seconds in limits.items():
        await conn.execute(text(f"SET LOCAL {name} = {int(seconds * 1000)}"))
