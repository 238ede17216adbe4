"""Reads the ids of all students that have left a trace, page by page: which of them should be gone.

Called by the check that follows a restore (flows/consistency/checks/erasure_checks.py), which compares the
times: who comes back after an erasure is a new student.
"""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy import Column, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.engine import Ledger
from server.ledger.tables import (
    balance_entries,
    claims,
    coupons,
    messages,
    metadata,
    redemptions,
    students,
)

_PAGE: Final = 20_000
# (table, its column of students, when a row was made): what every kind of student leaves a row in.
_TRACES: Final[tuple[tuple[Table, str, str], ...]] = (
    (students, "id", "created_at"),
    (coupons, "student", "created_at"),
    (claims, "student", "won_at"),
    (redemptions, "student", "created_at"),
    (balance_entries, "student", "at"),
    (messages, "student", "created_at"),
)


async def traces(ledger: Ledger) -> AsyncIterator[dict[str, int]]:
    """Yield pages of student -> when the first row of the page that names them was made (ms)."""
    for table, column, made_at in _TRACES:
        key: Column[str] = metadata.tables[table.name].c.id
        after = ""
        while True:
            async with ledger.read() as conn:
                until = await _end_of_page(conn, key, after)
                named = table.c[column]
                query = select(named, func.min(table.c[made_at])).where(
                    key > after, named.is_not(None)
                )
                if until is not None:
                    query = query.where(key <= until)
                found = (await conn.execute(query.group_by(named))).all()
            yield {row[0]: row[1] for row in found}
            if until is None:
                break
            after = until


async def _end_of_page(conn: AsyncConnection, key: Column[str], after: str) -> str | None:
    query = select(key).where(key > after).order_by(key).offset(_PAGE - 1).limit(1)
    found: str | None = await conn.scalar(query)
    return found
