"""What an order would cost: reads the student's coupons and asks the rules. Locks nothing.

Called by the API for the checkout, which is told again, and bindingly, when the order is locked
(flows/redemptions.py).
"""

from dataclasses import dataclass
from typing import Final

from server.core import codes, orders, quotes
from server.core.coupons import Coupon
from server.core.orders import Order
from server.core.quotes import Quote, Tick
from server.core.refusals import Refused
from server.core.violations import refused
from server.ledger import coupons, stops
from server.ledger.engine import Ledger

# So many on an order of a hundred lines take 4 ms of the loop (three lines: half a millisecond); a
# wallet beyond this is quoted without claiming `exact`.
WALLET_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class QuoteForm:
    """`student` None: nobody's coupons, so every code is unknown. `ticked` as it was typed."""

    order: Order
    student: str | None = None
    ticked: tuple[str, ...] | Tick = ()


async def quote_order(ledger: Ledger, form: QuoteForm, now: int) -> Quote | Refused:
    broken = [*orders.violations(form.order), *quotes.ticked_violations(form.ticked)]
    if broken:
        return refused(broken)
    wallet, is_whole, stopped = await _wallet(ledger, form, now)
    return quotes.quote(
        form.order, wallet, form.ticked, now, whole_wallet=is_whole, stopped=stopped
    )


async def _wallet(
    ledger: Ledger, form: QuoteForm, now: int
) -> tuple[list[Coupon], bool, frozenset[str]]:
    """The student's coupons that are not used up, and the ticked ones whatever became of them; whether
    these are all; and the batches of theirs that are stopped."""
    if form.student is None:
        return [], True, frozenset()
    typed = () if isinstance(form.ticked, Tick) else form.ticked
    async with ledger.read() as conn:
        held = await coupons.not_used_up(conn, form.student, now, WALLET_LIMIT + 1)
        ticked = await coupons.by_codes(
            conn, form.student, {codes.normalise(code) for code in typed}
        )
        of_batches = {coupon.batch_id for coupon in [*ticked, *held]}
        stopped = await stops.batches_without_use(conn, of_batches)
    wallet = {coupon.id: coupon for coupon in [*ticked, *held[:WALLET_LIMIT]]}
    return list(wallet.values()), len(held) <= WALLET_LIMIT, stopped
