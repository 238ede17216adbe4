"""What keeps a student's coupons from being used now, whatever the order is.

Quotes and the lock of an order both read it here. A limit that only one of them knew would let a quote
promise what the lock refuses.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.quote_request import QuoteContext
from server.core.coupons.coupons import Coupon
from server.flows.checkout import use_limits
from server.ledger.promotions import stops


async def quote_context(
    conn: AsyncConnection,
    student: str,
    wallet: Collection[Coupon],
    freed: Collection[Coupon] = (),
) -> QuoteContext:
    """Return the limits on the coupons of this wallet as they are in this transaction. Coupons in `freed` are
    not counted as used."""
    return QuoteContext(
        uses=await use_limits.count_uses(conn, student, wallet, freed),
        stopped=await stops.batches_without_use(conn, {each.batch_id for each in wallet}),
    )
