"""Give back the rows of an import with what became of each.

Called by the API. Each page is a read transaction of its own, so that a slow reader keeps none open.
"""

from collections.abc import AsyncIterator
from typing import Final

from server.core.coupons.import_results import HEADER, detail_of, outcome_of
from server.core.refusals import Code, Refused, invalid_field
from server.ledger.audiences import imports
from server.ledger.coupons import import_results as rows
from server.ledger.coupons.import_results import ResultRow
from server.ledger.engine import Ledger

AT_ONCE: Final = 1_000  # rows of a page: 3 ms of the event loop
Page = list[tuple[str, ...]]


async def find_issuance(
    ledger: Ledger, import_id: str, issuance_id: str | None
) -> str | Refused | None:
    """Return the issuance whose outcomes are shown: the one that is named, else the newest; None if no
    issuance has read this import. Refuses with not_found, and with invalid_field for another's issuance.
    """
    async with ledger.read() as conn:
        if await imports.find(conn, import_id) is None:
            return Refused(Code.NOT_FOUND)
        if issuance_id is None:
            return await rows.newest_issuance(conn, import_id)
        if not await rows.reads_import(conn, issuance_id, import_id):
            return invalid_field("issuance_id", "unknown")
    return issuance_id


async def result_pages(
    ledger: Ledger, import_id: str, issuance_id: str | None
) -> AsyncIterator[Page]:
    """Yield the header, and then all rows of the file, page by page, as texts."""
    yield [HEADER]
    after, is_last = 0, False
    while not is_last:
        async with ledger.read() as conn:
            page = await rows.page(conn, import_id, issuance_id, after, AT_ONCE)
        is_last = len(page) < AT_ONCE
        if page:
            after = page[-1].row
            yield [_texts(row) for row in page]


def _texts(row: ResultRow) -> tuple[str, ...]:
    return (
        str(row.row),
        row.student or row.typed or "",
        row.note or "",
        outcome_of(row.fault, row.outcome, is_taken_back=row.is_taken_back),
        detail_of(row.fault, row.column, row.first_row),
    )
