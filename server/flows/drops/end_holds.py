"""What was claimed and not used in time goes back: its unit is free again, or returns to the batch.

Called by the worker twice a second. The ledger decides, in one transaction for up to AT_ONCE coupons of
one drop: coupons and claims are released, units of a drop that has ended go back to the batch, and an
intent says that desk and room have to be told. It is driven at once, and by any worker where this one
dies (drive_intents.py). Two workers release nothing twice: each coupon moves by a conditional UPDATE.

While it holds a drop, no end of that drop is written: a unit is free before the end counts what is left,
or goes back after it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import HOLD_ENDED
from server.core.drops.drops import DropState
from server.desk import DeskUnavailableError
from server.flows.drops.drive_intents import drive
from server.flows.drops.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger import desks, intents
from server.ledger.coupons import coupon_moves
from server.ledger.coupons.coupon_moves import Hold
from server.ledger.drops import claims, drops
from server.ledger.drops.drops import DropRow
from server.ledger.intents import Intent, IntentKind
from server.ledger.promotions import batches

AT_ONCE: Final = 200  # where the database has one writer, claims wait for this transaction
_A_ROUND: Final = 2_000


async def end_holds(stores: Stores, now: int) -> int:
    """Ends the holds that are over by `now`, the longest overdue first; how many. Where the desk is away
    it is told later. LedgerUnavailableError passes.
    """
    async with stores.ledger.read() as conn:
        overdue = await coupon_moves.overdue_holds(conn, now, _A_ROUND)
    of_drop: defaultdict[str, list[str]] = defaultdict(list)
    for hold in overdue:
        of_drop[hold.drop_id].append(hold.coupon_id)
    return sum([await _end_of_drop(stores, each, ids, now) for each, ids in of_drop.items()])


async def _end_of_drop(stores: Stores, drop_id: str, ids: Sequence[str], now: int) -> int:
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    ended = 0
    for start in range(0, len(ids), AT_ONCE):
        released, intent = await _write(stores, snapshot, ids[start : start + AT_ONCE], now)
        ended += released
        if intent is not None:
            with suppress(DeskUnavailableError):
                await drive(stores, intent, now, snapshot)
    return ended


async def _write(
    stores: Stores, snapshot: DropSnapshot, ids: Collection[str], now: int
) -> tuple[int, Intent | None]:
    """How many were released, and what the desk has to be told of it."""
    async with stores.ledger.begin() as conn:
        await desks.lock_shard_shared(conn, [snapshot.row.shard])
        row = await drops.find_for_no_key_update(conn, snapshot.row.id)
        released = await coupon_moves.release(conn, ids, now)
        freed = await claims.release(conn, [hold.claim_id for hold in released], HOLD_ENDED)
        if row is None or not freed:
            return len(released), None
        await _return_units(conn, row, len(freed))
        intent = _intent(row.id, [hold for hold in released if hold.claim_id in freed], now)
        await intents.write(conn, intent)
    return len(released), intent


async def _return_units(conn: AsyncConnection, row: DropRow, units: int) -> None:
    """An ended drop sells no more: what comes back is the batch's, and the room's share of it."""
    if row.state is DropState.CLOSED:
        await drops.add_returned(conn, row.id, units)
        await batches.give_back(conn, row.batch_id, row.room, units)


def _intent(drop_id: str, released: Sequence[Hold], now: int) -> Intent:
    told = [[hold.claim_id, hold.student, hold.coupon_id] for hold in released]
    return Intent(new_id("int"), IntentKind.RELEASE, drop_id, now, {"claims": told})
