"""Delete what issuances of long ago asked of each student. The issuances themselves, and the coupons, stay.

Called by the worker once an hour.
"""

from server.ledger.coupons import issuance_items
from server.ledger.engine import Ledger


async def prune_issuances(ledger: Ledger, now: int) -> int:
    """Delete old items, some in each transaction; return how many."""
    deleted = 0
    while True:
        async with ledger.begin() as conn:
            count = await issuance_items.delete_old(conn, now)
        deleted += count
        if count < issuance_items.DELETED_AT_ONCE:
            return deleted
