"""Hold the three stores that a drop lives in, and the reads that flows of drops and coupons have in common.

Made once by the composition root. Every flow writes the ledger first, then the desk, then the feed.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk import DeskReplacedError
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.ledger import desks
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates


@dataclass(frozen=True, slots=True)
class Stores:
    """Ledger, desk and feed, with the actor who is written into the acts."""

    ledger: Ledger
    desk: DropDesk
    feed: Feed
    actor: str = "classdrop"


async def batch_and_template(conn: AsyncConnection, batch_id: str) -> tuple[Batch, Template]:
    """Return a batch and the version of the template that it keeps; LookupError where one does not exist."""
    batch = await batches.find(conn, batch_id)
    if batch is None:
        raise LookupError(f"no batch {batch_id}")
    return batch, await template_of(conn, batch)


async def template_of(conn: AsyncConnection, batch: Batch) -> Template:
    """Return the template version that the batch keeps; LookupError where it does not exist."""
    template = await templates.find(conn, batch.template_id, batch.template_version)
    if template is None:
        raise LookupError(f"no template {batch.template_id}, version {batch.template_version}")
    return template


async def assert_desk_epoch(conn: AsyncConnection, row: DropRow, epoch: int) -> None:
    """Raise DeskReplacedError if the drop's shard was rebuilt after `epoch`.

    Call it before writing down a result of the desk with this epoch. The new desk was loaded from a ledger
    that did not have that result, so writing it down would make the two differ. Locks the shard's row, so
    that no rebuild starts until the transaction ends.
    """
    if await desks.is_loaded_since(conn, row.shard, epoch):
        raise DeskReplacedError(f"the desk of {row.id} was rebuilt meanwhile")
