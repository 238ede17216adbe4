"""Reconcile the units of a closed drop with its batch (promise I6).

A closed drop keeps the units of its live claims and dead letters; all others belong to the batch. Called by
repair_shard.py for a shard whose outbox has been drained: otherwise the units of claims in the outbox would
be counted as nobody's.
"""

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.flows.consistency.findings import Repair, drop_label
from server.ledger.consistency import unit_audit
from server.ledger.drops import dead_letters, drop_results, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batch_stock, batches, budgets


async def reconcile_drop_units(ledger: Ledger, drop_id: str) -> Repair | None:
    """Give surplus units back to the batch, or take missing ones from it; claims do not change. Repeatable.

    Returns None where nothing was to be done: the units add up, or the drop is not closed.
    LedgerUnavailableError is passed on.
    """
    try:
        async with ledger.begin() as conn:
            row = await drops.find_for_update(conn, drop_id)
            if row is None or row.state is not DropState.CLOSED:
                return None
            back = row.quantity - row.returned - await _count_kept(conn, row)
            await _move_units(conn, row, back)
    except (IntegrityError, LookupError) as error:
        return Repair(f"drop {drop_id}: its units cannot be balanced: {error}", False)
    if back == 0:
        return None
    if back > 0:
        return Repair(f"{drop_label(drop_id, row.room)}: {back} units went back to the batch")
    return Repair(f"{drop_label(drop_id, row.room)}: took {-back} units of the batch again")


async def _count_kept(conn: AsyncConnection, row: DropRow) -> int:
    """Count the live claims, and the dead letters that have no claim in the ledger."""
    live = (await drop_results.live_claims_of(conn, [row.id]))[row.id]
    letters = await dead_letters.find_all(conn, row.shard)
    mine = [one.claim_id for one in letters if one.entry["drop_id"] == row.id]
    states = await unit_audit.claim_states(conn, mine)
    return live + sum(state == "dead" for state in states.values())


async def _move_units(conn: AsyncConnection, row: DropRow, back: int) -> None:
    """Move `back` units from the drop to its batch. Negative where the drop gave back too many: then take
    them again; LookupError where the batch has not enough left.
    """
    if back == 0:
        return
    await drops.add_returned(conn, row.id, back)
    if back > 0:
        await batch_stock.give_back(conn, row.batch_id, row.room, back)
        return
    batch = await batches.find(conn, row.batch_id)
    if batch is None or not await batch_stock.take(conn, batch, row.room, -back):
        raise LookupError("the batch has fewer left")
    # Reserve their part of the campaign's budget even if it has none left: students have these units already.
    await budgets.give_back_units(conn, batch.id, back)
