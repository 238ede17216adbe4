"""Tell the school of coupons whose use window has ended: time moves them, and no transaction does.

Called by a worker every few seconds. Any number of workers may call it: the statement that marks a coupon
skips rows that another one has locked, and its event is recorded in the same transaction.
"""

from typing import Final

from server.core.coupons import coupon_events
from server.ledger import event_log
from server.ledger.coupons import coupon_expiries
from server.ledger.engine import Ledger

AT_ONCE: Final = 500  # coupons of one transaction: 10 ms on SQLite, where claims wait for it
_MAX_PER_CALL: Final = 20_000


async def tell_expired(ledger: Ledger, now: int) -> int:
    """Record the expiry of usable coupons whose window is over at `now` (ms), once each; return how many."""
    async with ledger.read() as conn:
        if not await coupon_expiries.has_untold_expiry(conn, now):
            return 0
    told = 0
    while told < _MAX_PER_CALL:
        async with ledger.begin() as conn:
            found = await coupon_expiries.take_expired(conn, now, AT_ONCE)
            events = [
                coupon_events.expired(coupon, valid_until, now) for coupon, valid_until in found
            ]
            await event_log.record(conn, events)
        told += len(found)
        if len(found) < AT_ONCE:
            break
    return told
