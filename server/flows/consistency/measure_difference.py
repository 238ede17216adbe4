"""How far desk and ledger disagree about the drops that are open (promise I6), measured while they are.

Called by the worker every few seconds. The two cannot be read at one moment, and a claim is on the desk
before it is in the ledger. So a look counts only where the outbox was empty before and after it, and no
claim came or went on the desk while the ledger was read. What the ledger decides first (a unit that comes
back) is on the desk a moment later: a difference counts where a second look finds it, too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.drops.stock import Stock
from server.desk.drop_state import DeskCounts
from server.desk.fence import Fence
from server.desk.outbox import Outbox
from server.flows.stores import Stores
from server.ledger import intents
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drop_results import DropResults
from server.ledger.drops.drops import DropRow

SECOND_LOOK_SECONDS = 0.5
_AT_MOST = 200  # the newest: what is open, and still moves


@dataclass(frozen=True, slots=True)
class DropDifference:
    """One open drop. `stock.free` is the desk's, all else the ledger's; `on_desk` and `in_ledger` are
    its live claims here and there. `units` are those the two disagree about."""

    drop_id: str
    room: str
    stock: Stock
    on_desk: int
    in_ledger: int
    units: int


@dataclass(frozen=True, slots=True)
class _Written:
    row: DropRow
    results: DropResults
    is_changing: bool  # the desk has not been told of everything yet


async def measure_differences(
    stores: Stores, outbox: Outbox, fence: Fence, second_look_s: float = SECOND_LOOK_SECONDS
) -> list[DropDifference] | None:
    """Every open drop; None: claims were on their way. DeskUnavailableError and LedgerUnavailableError
    pass."""
    found = await _look(stores, outbox, fence)
    if not found or not any(books.units for books in found):
        return found
    await asyncio.sleep(second_look_s)
    again = await _look(stores, outbox, fence)
    if again is None:
        return None
    differed = {books.drop_id for books in found if books.units}
    return [one if one.drop_id in differed else _settled(one) for one in again]


def _settled(books: DropDifference) -> DropDifference:
    """A difference that nobody saw a moment ago may be gone in the next."""
    return DropDifference(books.drop_id, books.room, books.stock, books.on_desk, books.in_ledger, 0)


async def _look(stores: Stores, outbox: Outbox, fence: Fence) -> list[DropDifference] | None:
    if (await outbox.backlog()).entries:
        return None
    async with stores.ledger.read() as conn:
        rows = await drops.open_ones(conn, _AT_MOST)
    of_rows = [(row.shard, row.id) for row in rows]
    before = await stores.desk.counts_of_many(of_rows)
    async with stores.ledger.read() as conn:
        written = await _written(conn, [row.id for row in rows])
    after = await stores.desk.counts_of_many(of_rows)
    shut = await fence.shut_shards()  # what is being rebuilt has a remedy already
    if _claims(before) != _claims(after) or (await outbox.backlog()).entries:
        return None
    return [
        _books(written[row.id], counts)
        for row, counts in zip(rows, after, strict=True)
        if row.shard not in shut and row.id in written
    ]


async def _written(conn: AsyncConnection, drop_ids: Sequence[str]) -> Mapping[str, _Written]:
    """Of those that are still open; all as of one moment."""
    rows = await drops.find_all(conn, drop_ids)
    results = await drop_results.of_drops(conn, drop_ids)
    changing = await intents.pending_among(conn, drop_ids)
    return {
        row.id: _Written(row, results[row.id], row.id in changing)
        for row in rows
        if row.state is DropState.OPEN
    }


def _claims(counts: Sequence[DeskCounts | None]) -> list[tuple[int, int, int]]:
    """Claimed now, and ever: one that came while another went shows in the second."""
    return [
        (one.claimed, one.claimed_total, one.quantity) if one is not None else (0, 0, 0)
        for one in counts
    ]


def _books(written: _Written, counts: DeskCounts | None) -> DropDifference:
    """An open drop that the desk does not know has no claims there, which is the largest of
    differences."""
    row, results = written.row, written.results
    on_desk = counts.claimed if counts is not None else 0
    taken = on_desk if counts is not None else results.confirmed
    free = row.quantity - row.returned - taken
    stock = Stock(row.quantity, free, results.held, results.redeemed, row.returned)
    return DropDifference(
        row.id,
        row.room,
        stock,
        on_desk,
        results.confirmed,
        0 if written.is_changing else _units(stock, on_desk, results.confirmed, row, counts),
    )


def _units(
    stock: Stock, on_desk: int, in_ledger: int, row: DropRow, counts: DeskCounts | None
) -> int:
    """One unit may be wrong in several ways, and counts once."""
    missing_units = row.quantity - counts.quantity if counts is not None else 0
    return max(abs(on_desk - in_ledger), abs(stock.difference), abs(missing_units))
