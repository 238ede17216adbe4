"""Read what became of the rows of an import, page by page.

Called by flows/coupons/issuing/import_results.py.
"""

from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import IssuanceSource
from server.ledger.tables import import_rows, issuance_items, issuances


class ResultRow(NamedTuple):
    """A row of the file, with the item of its student. `fault` is why it has none; `is_taken_back`: its
    coupons were."""

    row: int
    student: str | None
    typed: str | None
    note: str | None
    fault: str | None
    column: str | None
    first_row: int | None
    outcome: str | None
    is_taken_back: bool


async def newest_issuance(conn: AsyncConnection, import_id: str) -> str | None:
    """Return the newest issuance that reads this import; of a recurring one, the newest of its times."""
    found = issuances.c
    query = select(found.id).where(
        found.source_id == import_id,
        found.source == IssuanceSource.IMPORT.value,
        found.repeat.is_(None),
    )
    return await conn.scalar(query.order_by(found.id.desc()).limit(1))


async def reads_import(conn: AsyncConnection, issuance_id: str, import_id: str) -> bool:
    """Return whether this issuance is to the students of this import."""
    query = select(issuances.c.source_id).where(issuances.c.id == issuance_id)
    return await conn.scalar(query) == import_id


async def page(
    conn: AsyncConnection, import_id: str, issuance_id: str | None, after: int, limit: int
) -> list[ResultRow]:
    """Return the rows behind the row `after`; without an outcome where no issuance is given."""
    rows, items = import_rows.c, issuance_items.c
    is_theirs = and_(items.issuance_id == (issuance_id or ""), items.student == rows.student)
    query = (
        select(
            *(rows.row, rows.student, rows.typed, rows.note, rows.fault, rows.column),
            *(rows.first_row, items.outcome, items.taken_back_at.is_not(None)),
        )
        .select_from(import_rows.outerjoin(issuance_items, is_theirs))
        .where(rows.import_id == import_id, rows.row > after)
        .order_by(rows.row)
        .limit(limit)
    )
    return [ResultRow(*row) for row in await conn.execute(query)]
