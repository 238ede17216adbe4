"""The three places a drop lives in, and what a drop is when read from the first.

Made once by the composition root; every flow of drops takes it. The ledger is written before the
desk is told, the desk before the feed.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import Allotment, RoomDrop
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk import DeskReplacedError
from server.desk.caps import CapName, KnownUnused
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.flows.abort import Stop, stop_if
from server.flows.drops.room_drops import room_drop
from server.flows.promotions.budgets import expose
from server.flows.promotions.stops import claims_refusal
from server.ledger import desks
from server.ledger.drops import drops
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates
from server.ledger.promotions.batches import Taken


@dataclass(frozen=True, slots=True)
class Places:
    """`actor`: on whose behalf something is done there, for the record."""

    ledger: Ledger
    desk: DropDesk
    feed: Feed
    actor: str = "classdrop"


@dataclass(frozen=True, slots=True)
class Whole:
    """A drop with everything that says what it is, as of one moment of the ledger. `unused`: what of its
    limits nobody can have used, where that was looked for."""

    row: DropRow
    batch: Batch
    template: Template
    allotments: tuple[Allotment, ...]
    unused: KnownUnused | None = None

    def as_told(self, row: DropRow) -> RoomDrop:
        """`row` is this one's, moved on."""
        return room_drop(row, self.template, self.batch)


async def whole_drop(ledger: Ledger, drop_id: str) -> Whole:
    """Of a drop that is known to exist."""
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None:
            raise LookupError(f"no drop {drop_id}")
        batch, template = await offer_of(conn, row.batch_id)
        units = await drops.allotments_of(conn, drop_id)
    return Whole(row, batch, template, tuple(units))


async def offer_of(conn: AsyncConnection, batch_id: str) -> tuple[Batch, Template]:
    """A batch that is known to exist, and the version of the template that it keeps."""
    batch = await batches.find(conn, batch_id)
    if batch is None:
        raise LookupError(f"no batch {batch_id}")
    return batch, await template_of(conn, batch)


async def template_of(conn: AsyncConnection, batch: Batch) -> Template:
    template = await templates.find(conn, batch.template_id, batch.template_version)
    if template is None:
        raise LookupError(f"no template {batch.template_id}, version {batch.template_version}")
    return template


async def hold_in_room(conn: AsyncConnection, drop_id: str, room: str) -> DropRow:
    """The drop, held until the transaction ends. Stop(not_found) where the room has none of this id:
    another room's drop is nobody's business here.
    """
    row = await drops.hold(conn, drop_id)
    if row is None or row.room != room:
        raise Stop(Refused(Code.NOT_FOUND))
    return row


async def hold_desk(conn: AsyncConnection, row: DropRow, epoch: int) -> None:
    """Before what the desk of `epoch` has done is written down; until the transaction ends it is not
    loaded anew. DeskReplacedError where it has been: the ledger it was loaded from knew nothing of it.
    """
    if await desks.is_loaded_since(conn, row.shard, epoch):
        raise DeskReplacedError(f"the desk of {row.id} was loaded anew meanwhile")


async def take_units(
    conn: AsyncConnection, batch: Batch, room: str, units: int, now: int
) -> KnownUnused:
    """From the batch, the room's share of it and the campaign's budget; what nobody had used until then.
    Stop(stock_short) with what is `available`, and which `budget` where it was that; Stop(wrong_state) while
    claims are stopped."""
    stop_if(await claims_refusal(conn, batch))
    if taken := await batches.take(conn, batch, room, units):
        await expose(conn, batch, units, now)
        return _unused(taken)
    current = await batches.find(conn, batch.id) or batch  # others may have been faster
    raise Stop(
        Refused(
            Code.STOCK_SHORT,
            "the batch, or this room's share of it, has fewer left",
            {"available": current.droppable_in(room)},
        )
    )


def _unused(taken: Taken) -> KnownUnused:
    unused = {
        CapName.BATCH: taken.is_batch_unused,
        CapName.CAMPAIGN: taken.is_campaign_unused,
    }
    return KnownUnused(taken.epoch, frozenset(name for name, is_so in unused.items() if is_so))
