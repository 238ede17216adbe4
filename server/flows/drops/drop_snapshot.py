"""A drop with everything that says what it is, read from the ledger as of one moment.

Called by the flows that open, change, close and show a drop.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment, RoomDrop
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk.caps import KnownUnused
from server.flows.abort import Abort
from server.flows.drops.room_drops import room_drop
from server.flows.stores import batch_and_template
from server.ledger.drops import drops
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger


@dataclass(frozen=True, slots=True)
class DropSnapshot:
    """A drop with everything that says what it is, as of one moment of the ledger. `unused`: what of its
    limits nobody can have used, where that was looked for."""

    row: DropRow
    batch: Batch
    template: Template
    allotments: tuple[Allotment, ...]
    unused: KnownUnused | None = None

    def to_room_drop(self, row: DropRow) -> RoomDrop:
        """`row` is this one's, moved on."""
        return room_drop(row, self.template, self.batch)


async def read_drop_snapshot(ledger: Ledger, drop_id: str) -> DropSnapshot:
    """Of a drop that is known to exist."""
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None:
            raise LookupError(f"no drop {drop_id}")
        batch, template = await batch_and_template(conn, row.batch_id)
        units = await drops.allotments_of(conn, drop_id)
    return DropSnapshot(row, batch, template, tuple(units))


async def find_in_room_for_update(conn: AsyncConnection, drop_id: str, room: str) -> DropRow:
    """The drop, held until the transaction ends. Stop(not_found) where the room has none of this id:
    another room's drop is nobody's business here.
    """
    row = await drops.find_for_update(conn, drop_id)
    if row is None or row.room != room:
        raise Abort(Refused(Code.NOT_FOUND))
    return row
