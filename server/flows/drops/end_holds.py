"""End the holds that are over: release coupons that were not used in time, and their units.

Called by the worker twice a second. The ledger decides, in one transaction for up to AT_ONCE coupons of one
drop: coupons and claims are released, units of a closed drop go back to the batch, and an intent says that
desk and room have to be told. The intent is driven at once, or by another worker if this one dies
(drive_intents.py). Two workers never release a coupon twice: each coupon moves by a conditional UPDATE.

The transaction locks the drop's row, so the drop cannot be closed meanwhile. Each released unit is therefore
counted once: as free before the close, or as returned after it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.drops import DropState
from server.desk import DeskUnavailableError
from server.flows.drops.intents.drive_intents import drive
from server.flows.drops.intents.intent_payloads import ReleasedClaim, ReleasePayload, new_intent
from server.flows.drops.views.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores
from server.ledger import desks, intents
from server.ledger.coupons import coupon_moves
from server.ledger.coupons.coupon_moves import Hold
from server.ledger.drops import claims, draws, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.intents import Intent
from server.ledger.promotions import batch_stock

AT_ONCE: Final = (
    200  # coupons in one transaction: on SQLite, which has one writer, claims wait for it
)
_MAX_PER_CALL: Final = (
    2_000  # coupons in one call; the next call, half a second later, takes the rest
)


async def end_holds(stores: Stores, now: int) -> int:
    """End the holds that are over at `now` (ms), the longest overdue first; return how many ended.

    Where the desk is unavailable the intents stay pending. LedgerUnavailableError is passed on.
    """
    async with stores.ledger.read() as conn:
        overdue = await coupon_moves.overdue_holds(conn, now, _MAX_PER_CALL)
    by_drop: defaultdict[str, list[str]] = defaultdict(list)
    for hold in overdue:
        by_drop[hold.drop_id].append(hold.coupon_id)
    return sum([await _end_in_drop(stores, drop_id, ids, now) for drop_id, ids in by_drop.items()])


async def _end_in_drop(stores: Stores, drop_id: str, ids: Sequence[str], now: int) -> int:
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    ended = 0
    for start in range(0, len(ids), AT_ONCE):
        released, intent = await _release(stores, snapshot, ids[start : start + AT_ONCE], now)
        ended += released
        if intent is not None:
            with suppress(DeskUnavailableError):
                await drive(stores, intent, now, snapshot)
    return ended


async def _release(
    stores: Stores, snapshot: DropSnapshot, ids: Collection[str], now: int
) -> tuple[int, Intent | None]:
    """Release these coupons in one transaction; return how many were released, and the intent to drive."""
    async with stores.ledger.begin() as conn:
        # Lock order: shard, drop, coupons, claims, batch. A rebuild of the shard waits, or is waited for.
        await desks.lock_shard_shared(conn, [snapshot.row.shard])
        row = await drops.find_for_no_key_update(conn, snapshot.row.id)
        released = await coupon_moves.release(conn, ids, now)
        freed = await claims.release(conn, [hold.claim_id for hold in released], HOLD_ENDED)
        if row is None or not freed:
            return len(released), None
        await _return_units(conn, row, len(freed), now)
        intent = _new_intent(row.id, [hold for hold in released if hold.claim_id in freed], now)
        await intents.write(conn, intent)
    return len(released), intent


async def _return_units(conn: AsyncConnection, row: DropRow, units: int, now: int) -> None:
    if row.state is DropState.CLOSED and row.draw is not None:
        await draws.ask_refill(conn, row.id, now)  # its reserve comes first (flows/draws)
        return
    # A closed drop sells no more, so its units go back to the batch and the room's quota. An open drop keeps
    # them: the desk frees them when it gets the intent.
    if row.state is DropState.CLOSED:
        await drops.add_returned(conn, row.id, units)
        await batch_stock.give_back(conn, row.batch_id, row.room, units)


def _new_intent(drop_id: str, released: Sequence[Hold], now: int) -> Intent:
    claims = [ReleasedClaim(hold.claim_id, hold.student, hold.coupon_id) for hold in released]
    return new_intent(drop_id, ReleasePayload(tuple(claims)), now)
