"""End the lock of an order that is not paid: it is cancelled, or out of time. Its coupons are free again.

Called by the API, and by the worker for locks that are out of time; redemptions.py, confirm_payment.py and
refunds.py use parts of it in their own transactions. Rows are locked in the order given in redemptions.py.
The desk does not know locks; it is only told where the end of a lock has moved the end of a coupon's hold.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout import redemption_events
from server.core.checkout.redemption_events import MovedOn
from server.core.checkout.redemptions import Redemption, RedemptionState
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from server.core.event_types import EventType
from server.core.promotions.templates import Returned
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, returns_refusal
from server.flows.checkout import balances, use_limits
from server.flows.drops.intents.intent_payloads import MoveHoldPayload, new_intent
from server.ledger import event_log, intents
from server.ledger.checkout import redemptions
from server.ledger.coupons import coupon_moves, coupons
from server.ledger.coupons.coupon_moves import MovedCoupon
from server.ledger.engine import Ledger


@returns_refusal
async def cancel(ledger: Ledger, redemption_id: str, now: int) -> Redemption | Refused:
    """Cancel the order and free its coupons, except those whose template is not returned after a cancel.

    Repeatable. Coupons of a lock that has ended are free already. Refuses with `not_found`, and with
    `wrong_state` once the order is paid: that is a refund (refunds.py), with rules of its own.
    """
    async with ledger.begin() as conn:
        redemption = await find_for_update(conn, redemption_id)
        if redemption.state is RedemptionState.CANCELLED:
            return redemption
        abort_unless_changeable(redemption)
        kept = await void_non_returnable(conn, redemption, now)
        return await _end(conn, redemption, RedemptionState.CANCELLED, now, kept)


async def expire_overdue(ledger: Ledger, now: int, limit: int = 200) -> int:
    """End locks that are out of time at `now` (ms); return how many.

    Each lock is ended in a transaction of its own: an order whose payment is being confirmed delays no other.
    Any number of workers may call it at the same time. LedgerUnavailableError is passed on.
    """
    async with ledger.read() as conn:
        overdue = await redemptions.overdue(conn, now, limit)
    return sum([await _expire(ledger, redemption_id, now) for redemption_id in overdue])


async def _expire(ledger: Ledger, redemption_id: str, now: int) -> bool:
    async with ledger.begin() as conn:
        redemption = await redemptions.find_for_update(conn, redemption_id)
        if redemption is None or redemption.state is not RedemptionState.LOCKED:
            return False  # paid, cancelled or ended since the list was read
        if redemption.expires_at > now:
            return False  # locked again since the list was read
        await _end(conn, redemption, RedemptionState.EXPIRED, now)
        return True


async def _end(
    conn: AsyncConnection,
    redemption: Redemption,
    state: RedemptionState,
    now: int,
    kept: Sequence[MovedCoupon] = (),
) -> Redemption:
    """End the lock, as `state` says; `kept` are coupons of it that were voided just now."""
    freed: list[MovedCoupon] = []
    if redemption.coupons:
        await coupons.lock_rows_for_update(
            conn, [coupon.coupon_id for coupon in redemption.coupons]
        )
        freed = await unlock_coupons(conn, redemption, now)
    # An expired lock has given its part of the balance back already.
    if redemption.state is RedemptionState.LOCKED:
        await balances.give_back(conn, redemption, redemption.balance, now)
    await redemptions.store_end(conn, redemption.id, state, now)
    ended = replace(redemption, state=state, updated_at=now)
    moved = [MovedOn(one.id, one.code, CouponState.USABLE) for one in freed]
    moved += [MovedOn(one.id, one.code, CouponState.REVOKED) for one in kept]
    await event_log.record(conn, [redemption_events.ended(_TYPES[state], ended, moved)])
    return ended


_TYPES: Final = {
    RedemptionState.CANCELLED: EventType.REDEMPTION_CANCELLED,
    RedemptionState.EXPIRED: EventType.REDEMPTION_EXPIRED,
}


async def void_non_returnable(
    conn: AsyncConnection, redemption: Redemption, now: int
) -> list[MovedCoupon]:
    """Void the coupons of a cancelled order whose template says that they are kept after a cancel; return
    them."""
    ids = [coupon.coupon_id for coupon in redemption.coupons]
    if not ids:
        return []
    await coupons.lock_rows_for_update(conn, ids)
    found = await coupons.by_ids(conn, ids)
    kept = [one.id for one in found if one.template.form.returns.after_cancel is Returned.KEPT]
    return await coupon_moves.keep(conn, kept, redemption.id, now)


async def unlock_coupons(
    conn: AsyncConnection, redemption: Redemption, now: int
) -> list[MovedCoupon]:
    """Free the coupons that the order has locked, and return them; none where its lock has ended.

    A coupon's hold does not run while it is locked, and lasts at least LEAST_HOLD_AFTER_LOCK_MS afterwards.
    Where that moves its end, an intent is written, so that the student sees the same date everywhere.
    """
    ids = [coupon.coupon_id for coupon in redemption.coupons]
    freed = await coupon_moves.unlock(conn, ids, redemption.id, now)
    await use_limits.count(conn, redemption.student, freed, -1)
    # `unlock` sets exactly this instant where it has moved a hold; all other holds are as the student knows
    # them.
    least = now + LEAST_HOLD_AFTER_LOCK_MS
    await write_use_by_intents(conn, [one for one in freed if one.hold_until == least], now)
    return freed


async def write_use_by_intents(
    conn: AsyncConnection, moved: Collection[MovedCoupon], now: int
) -> None:
    """Write intents that tell desk and room the coupons' new `use_by`; a worker drives them.

    Coupons that no drop gave are skipped: neither desk nor room knows them.
    """
    by_drop: defaultdict[str, list[str]] = defaultdict(list)
    for one in moved:
        if one.drop_id is not None and one.claim_id is not None:
            by_drop[one.drop_id].append(one.id)
    for drop_id, ids in by_drop.items():
        await intents.write(conn, new_intent(drop_id, MoveHoldPayload(tuple(ids)), now))


async def find_for_update(conn: AsyncConnection, redemption_id: str) -> Redemption:
    """Return the redemption and lock its row until the transaction ends; Abort(not_found)."""
    redemption = await redemptions.find_for_update(conn, redemption_id)
    if redemption is None:
        raise Abort(Refused(Code.NOT_FOUND))
    return redemption


def abort_unless_changeable(redemption: Redemption) -> None:
    """Raise Abort(wrong_state) where the order is redeemed or cancelled."""
    if not redemption.state.may_change:
        raise Abort(wrong_state(redemption))


def wrong_state(redemption: Redemption) -> Refused:
    """Return the refusal that names the order's state."""
    return Refused(
        Code.WRONG_STATE, f"the order is {redemption.state}", {"state": redemption.state}
    )
