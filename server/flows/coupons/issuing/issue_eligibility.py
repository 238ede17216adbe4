"""Say which students do not meet the conditions of a batch.

Called by issue_piece.py. The school has said who has which tag (POST /v1/students).
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import StudentId
from server.core.promotions.batches import Batch
from server.ledger.coupons import account_conditions


async def ineligible_among(
    conn: AsyncConnection, batch: Batch, students: Collection[StudentId]
) -> frozenset[StudentId]:
    """Return those of these students who may not have coupons of the batch."""
    if batch.conditions.is_anybody:
        return frozenset()
    admitted = await account_conditions.admitted_among(conn, batch.conditions, students)
    return frozenset(students) - admitted
