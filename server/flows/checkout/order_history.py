"""Read all that is known of an order or a coupon, to answer a complaint or check a statement.

Called by the API for operators, finance and the school's back end. Changes nothing.
"""

from dataclasses import dataclass

from server.core.checkout.paid_orders import PaidLine
from server.core.checkout.redemptions import CancelledLock, Redemption
from server.core.coupons import codes
from server.core.refusals import Code, Refused
from server.flows.abort import returns_refusal
from server.ledger.checkout import redemptions, refunds
from server.ledger.coupons import coupon_history
from server.ledger.coupons.coupon_history import CouponRecord
from server.ledger.engine import Ledger


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order with everything that happened to it.

    `lines` are in the order's sequence, with what was returned of each; `coupons` in the sequence in which
    they were applied; `cancelled` are locks that were cancelled before the current one.
    """

    redemption: Redemption
    lines: tuple[PaidLine, ...]
    coupons: tuple[CouponRecord, ...]
    cancelled: tuple[CancelledLock, ...] = ()

    @property
    def list_total(self) -> int:
        """The sum of the lines at list prices, before the school's own sale prices; minor units."""
        return sum(
            (line.unit_price if line.list_price is None else line.list_price) * line.quantity
            for line in self.redemption.order.lines
        )


@returns_refusal
async def show_order(ledger: Ledger, order_id: str) -> OrderRecord | Refused:
    """Return the order by the school's order id; not_found."""
    async with ledger.read() as conn:
        found = await redemptions.find_by_order(conn, order_id)
        if found is None:
            return Refused(Code.NOT_FOUND)
        ids = [each.coupon_id for each in found.coupons]
        found_coupons = await coupon_history.by_ids(conn, ids)
        records: dict[str, CouponRecord] = {one.coupon.id: one for one in found_coupons}
        lines = await refunds.with_counters(conn, found.id, found.paid_lines)
        cancelled = await redemptions.cancelled_locks(conn, found.id)
    return OrderRecord(found, lines, tuple(records[each] for each in ids), cancelled)


@returns_refusal
async def show_coupon(ledger: Ledger, typed: str) -> CouponRecord | Refused:
    """Return a coupon of any student by its code, in any spelling; not_found."""
    async with ledger.read() as conn:
        found = await coupon_history.by_codes(conn, codes.spellings(typed))
    return found[0] if found else Refused(Code.NOT_FOUND)
