"""Read what keeps a student's coupons from being used now, whatever the order is, and say it as a refusal.

Called by quotes and by the lock of an order. Both must read it here: a limit that only one of them knew would
let a quote promise what the lock refuses.
"""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.quoting.quote_request import QuoteContext
from server.core.checkout.quoting.reasons import Reason
from server.core.coupons.coupons import Coupon
from server.core.refusals import Code, Refused
from server.flows.checkout import use_limits
from server.ledger.promotions import stops


async def quote_context(
    conn: AsyncConnection,
    student: str,
    wallet: Collection[Coupon],
    stopped: Collection[str],
    freed: Collection[Coupon] = (),
) -> QuoteContext:
    """Return what concerns the coupons of this wallet, as of this transaction.

    `stopped` are the targets whose use is stopped, as this transaction has read them. `freed` are coupons on
    an order that the quote replaces: they do not count as used.
    """
    return QuoteContext(
        uses=await use_limits.count_uses(conn, student, wallet, freed),
        stopped=await stops.batches_among(conn, stopped, {each.batch_id for each in wallet}),
    )


def unusable_refusal(reasons: Mapping[str, Reason]) -> Refused:
    """Return the refusal for coupons that cannot be used, from their codes and reasons.

    `coupon_locked` if at least one is locked by another order: it may be free later. Else `coupon_unusable`.
    """
    code = Code.COUPON_LOCKED if Reason.LOCKED in reasons.values() else Code.COUPON_UNUSABLE
    listed = [{"code": coupon, "reason": reason.value} for coupon, reason in reasons.items()]
    detail = "; ".join(f"{coupon}: {reason}" for coupon, reason in reasons.items())
    return Refused(code, detail, {"coupons": listed})
