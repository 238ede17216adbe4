"""The three stores that a drop lives in, and what every flow of drops and coupons reads of them.

Made once by the composition root. The ledger is written before the desk is told, the desk before the feed.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk import DeskReplacedError
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.ledger import desks
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates


@dataclass(frozen=True, slots=True)
class Stores:
    """`actor`: on whose behalf something is done there, for the record."""

    ledger: Ledger
    desk: DropDesk
    feed: Feed
    actor: str = "classdrop"


async def batch_and_template(conn: AsyncConnection, batch_id: str) -> tuple[Batch, Template]:
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


async def assert_desk_epoch(conn: AsyncConnection, row: DropRow, epoch: int) -> None:
    """Before what the desk of `epoch` has done is written down; until the transaction ends it is not
    loaded anew. DeskReplacedError where it has been: the ledger it was loaded from knew nothing of it.
    """
    if await desks.is_loaded_since(conn, row.shard, epoch):
        raise DeskReplacedError(f"the desk of {row.id} was loaded anew meanwhile")
