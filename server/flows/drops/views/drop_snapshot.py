"""Read a drop from the ledger together with its batch, template and allotments, as of one moment.

Called by the flows that open, change, close and show a drop.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment, RoomDrop
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk.claims.caps import KnownUnused
from server.flows.abort import Abort
from server.flows.drops.views.room_drops import room_drop
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.drops.snapshot_parts import read_snapshot_parts
from server.ledger.engine import Ledger


@dataclass(frozen=True, slots=True)
class DropSnapshot:
    """A drop with its batch, the template version that the batch keeps, and its allotments in the order of
    their units. `unused` names the caps that no student can have used yet, where that was looked for: the
    desk then opens the drop without loading them.
    """

    row: DropRow
    batch: Batch
    template: Template
    allotments: tuple[Allotment, ...]
    unused: KnownUnused | None = None

    def to_room_drop(self, row: DropRow) -> RoomDrop:
        """Return the drop as the feed publishes it. `row` is a newer state of `self.row`."""
        return room_drop(row, self.template, self.batch)


async def read_drop_snapshot(ledger: Ledger, drop_id: str) -> DropSnapshot:
    """Return the drop in one read transaction; LookupError where there is no such drop."""
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None:
            raise LookupError(f"no drop {drop_id}")
        return await snapshot_of(conn, row)


async def snapshot_of(conn: AsyncConnection, row: DropRow) -> DropSnapshot:
    """Return the drop of this row, as the transaction sees what belongs to it."""
    return DropSnapshot(row, *await read_snapshot_parts(conn, row.id, row.batch_id))


async def find_in_room_for_update(conn: AsyncConnection, drop_id: str, room: str) -> DropRow:
    """Return the drop and lock its row until the transaction ends.

    Abort(not_found) also for another room's drop: its existence must not be revealed.
    """
    row = await drops.find_for_update(conn, drop_id)
    if row is None or row.room != room:
        raise Abort(Refused(Code.NOT_FOUND))
    return row
