"""How a lock ends before its order is paid: cancelled, out of time, locked anew. Its coupons are free again.

Called by the API and by the worker that ends overdue locks; redemptions.py and refunds.py use the pieces, in
transactions of theirs. Rows are held in the order that redemptions.py says. The desk is told later, and only
where an ended lock moved a hold.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS
from server.core.promotions.templates import Returned
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, use_limits
from server.flows.drops.intent_payloads import MoveHoldPayload, new_intent
from server.ledger import intents
from server.ledger.checkout import redemptions
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.coupons.coupon_moves import MovedCoupon
from server.ledger.engine import Ledger


@returns_refusal
async def cancel(ledger: Ledger, redemption_id: str, now: int) -> Redemption | Refused:
    """The order is off: its coupons are free, but for those whose template keeps them; those of a lock
    that had ended are free already, and stay so. Repeatable. `wrong_state` once it is paid: that is a
    refund (flows/checkout/refunds.py), with rules of its own.
    """
    async with ledger.begin() as conn:
        held = await find_for_update(conn, redemption_id)
        if held.state is RedemptionState.CANCELLED:
            return held
        abort_if_over(held)
        await void_non_returnable(conn, held, now)
        return await _end(conn, held, RedemptionState.CANCELLED, now)


async def expire_overdue(ledger: Ledger, now: int, limit: int = 200) -> int:
    """Ends locks whose time is over; how many. Each in a transaction of its own, so that one that
    somebody is just paying for keeps no other waiting. Any number of workers may do it at once.
    """
    async with ledger.read() as conn:
        overdue = await redemptions.overdue(conn, now, limit)
    return sum([await _expire(ledger, redemption_id, now) for redemption_id in overdue])


async def _expire(ledger: Ledger, redemption_id: str, now: int) -> bool:
    async with ledger.begin() as conn:
        held = await redemptions.find_for_update(conn, redemption_id)
        if held is None or held.state is not RedemptionState.LOCKED or held.expires_at > now:
            return False  # paid, locked anew or ended since we looked
        await _end(conn, held, RedemptionState.EXPIRED, now)
        return True


async def _end(
    conn: AsyncConnection, held: Redemption, state: RedemptionState, now: int
) -> Redemption:
    if held.coupons:
        await coupons.lock_rows_for_update(conn, [coupon.coupon_id for coupon in held.coupons])
        await unlock_all(conn, held, now)
    if held.state is RedemptionState.LOCKED:
        await balances.give_back(conn, held, held.balance, now)
    await redemptions.store_end(conn, held.id, state, now)
    return replace(held, state=state, updated_at=now)


async def void_non_returnable(conn: AsyncConnection, held: Redemption, now: int) -> None:
    """What a cancelled order keeps it has used up."""
    ids = [coupon.coupon_id for coupon in held.coupons]
    if not ids:
        return
    await coupons.lock_rows_for_update(conn, ids)
    found = await coupons.by_ids(conn, ids)
    kept = [one.id for one in found if one.template.form.returns.after_cancel is Returned.KEPT]
    await coupon_moves.keep(conn, kept, held.id, now)


async def unlock_all(conn: AsyncConnection, held: Redemption, now: int) -> None:
    """An order whose lock ended has nothing locked any more. A hold that would be over is longer now: its
    student is to see the one date everywhere, and a worker tells desk and room of it."""
    ids = [coupon.coupon_id for coupon in held.coupons]
    freed = await coupon_moves.unlock(conn, ids, held.id, now)
    await use_limits.count(conn, held.student, freed, -1)
    least = now + LEAST_HOLD_AFTER_LOCK_MS
    await write_use_by_intents(conn, [one for one in freed if one.hold_until == least], now)


async def write_use_by_intents(
    conn: AsyncConnection, moved: Collection[MovedCoupon], now: int
) -> None:
    """Desk and room are told by a worker; those that no drop gave are known to neither."""
    of_drop: defaultdict[str, list[str]] = defaultdict(list)
    for one in moved:
        if one.drop_id is not None and one.claim_id is not None:
            of_drop[one.drop_id].append(one.id)
    for drop_id, ids in of_drop.items():
        await intents.write(conn, new_intent(drop_id, MoveHoldPayload(tuple(ids)), now))


async def find_for_update(conn: AsyncConnection, redemption_id: str) -> Redemption:
    """Return the redemption and lock its row until the transaction ends; Abort(not_found)."""
    held = await redemptions.find_for_update(conn, redemption_id)
    if held is None:
        raise Abort(Refused(Code.NOT_FOUND))
    return held


def abort_if_over(held: Redemption) -> None:
    if not held.state.may_change:
        raise Abort(over(held))


def over(held: Redemption) -> Refused:
    return Refused(Code.WRONG_STATE, f"the order is {held.state}", {"state": held.state})
