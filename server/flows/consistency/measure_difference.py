"""Measure how far desk and ledger disagree about open drops (promise I6), while claims go on.

Called by the worker every few seconds. Desk and ledger cannot be read at one moment, so two rules exclude
what is merely between them:

- a claim is on the desk before it is in the ledger: a measurement counts only if the outbox was empty before
  and after it, and if no claim came or went on the desk while the ledger was read;
- a released unit is in the ledger before it is on the desk: a difference counts only if a second
  measurement, a moment later, finds it too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.drops.stock import Stock
from server.desk.claims.outbox import Outbox
from server.desk.drops.drop_state import DeskCounts
from server.desk.shards.fence import Fence
from server.flows.stores import Stores
from server.ledger import intents
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drop_results import DropResults
from server.ledger.drops.drop_row import DropRow

SECOND_LOOK_SECONDS = 0.5
_AT_MOST = 200  # the newest open drops


@dataclass(frozen=True, slots=True)
class DropDifference:
    """The numbers that desk and ledger have of one open drop.

    `stock.free` comes from the desk, the rest of `stock` from the ledger. `on_desk` and `in_ledger` are the
    numbers of live claims. `units` is the number of units on which the two disagree.
    """

    drop_id: str
    room: str
    stock: Stock
    on_desk: int
    in_ledger: int
    units: int


@dataclass(frozen=True, slots=True)
class _LedgerPart:
    row: DropRow
    results: DropResults
    is_changing: bool  # an intent is pending: the desk does not have the drop as the ledger has it


async def measure_differences(
    stores: Stores, outbox: Outbox, fence: Fence, second_look_s: float = SECOND_LOOK_SECONDS
) -> list[DropDifference] | None:
    """Measure each open drop; None where claims were in the outbox, so that nothing can be said.

    Takes `second_look_s` longer where the first measurement finds a difference. DeskUnavailableError and
    LedgerUnavailableError are passed on.
    """
    found = await _measure(stores, outbox, fence)
    if not found or not any(one.units for one in found):
        return found
    await asyncio.sleep(second_look_s)
    again = await _measure(stores, outbox, fence)
    if again is None:
        return None
    # A difference that only the second measurement has is new, and may be gone in a moment.
    differed = {one.drop_id for one in found if one.units}
    return [one if one.drop_id in differed else replace(one, units=0) for one in again]


async def _measure(stores: Stores, outbox: Outbox, fence: Fence) -> list[DropDifference] | None:
    if (await outbox.backlog()).entries:
        return None
    async with stores.ledger.read() as conn:
        rows = await drops.open_ones(conn, _AT_MOST)
    of_rows = [(row.shard, row.id) for row in rows]
    before = await stores.desk.counts_of_many(of_rows)
    async with stores.ledger.read() as conn:
        in_ledger = await _read_ledger(conn, [row.id for row in rows])
    after = await stores.desk.counts_of_many(of_rows)
    shut = await fence.shut_shards()  # a shard that is being rebuilt needs no report
    if _claim_counts(before) != _claim_counts(after) or (await outbox.backlog()).entries:
        return None
    return [
        _difference(in_ledger[row.id], counts)
        for row, counts in zip(rows, after, strict=True)
        if row.shard not in shut and row.id in in_ledger
    ]


async def _read_ledger(conn: AsyncConnection, drop_ids: Sequence[str]) -> Mapping[str, _LedgerPart]:
    """Return the drops that are still open, by id, all as of one moment."""
    rows = await drops.find_all(conn, drop_ids)
    results = await drop_results.of_drops(conn, drop_ids)
    changing = await intents.pending_among(conn, drop_ids)
    return {
        row.id: _LedgerPart(row, results[row.id], row.id in changing)
        for row in rows
        if row.state is DropState.OPEN
    }


def _claim_counts(counts: Sequence[DeskCounts | None]) -> list[tuple[int, int, int]]:
    """Return what must not change during a measurement. The total is part of it because a claim that comes
    while another goes does not change the first number.
    """
    return [
        (one.claimed, one.claimed_total, one.quantity) if one is not None else (0, 0, 0)
        for one in counts
    ]


def _difference(in_ledger: _LedgerPart, counts: DeskCounts | None) -> DropDifference:
    """Compare the two. A drop that the desk does not know has no claims there: all of them differ."""
    row, results = in_ledger.row, in_ledger.results
    on_desk = counts.claimed if counts is not None else 0
    taken = on_desk if counts is not None else results.confirmed
    free = row.quantity - row.returned - taken
    stock = Stock(row.quantity, free, results.held, results.redeemed, row.returned)
    missing_units = row.in_drop - counts.quantity if counts is not None else 0
    # The largest, not the sum: one unit may be wrong in several ways.
    units = max(abs(on_desk - results.confirmed), abs(stock.difference), abs(missing_units))
    return DropDifference(
        drop_id=row.id,
        room=row.room,
        stock=stock,
        on_desk=on_desk,
        in_ledger=results.confirmed,
        units=0 if in_ledger.is_changing else units,
    )
