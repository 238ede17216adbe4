"""Take the units of an opening or a top-up from the batch, the room's quota and the campaign's budget.

Called within the transaction that writes the allotment.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drop_ends import end_refusal, last_moment
from server.core.drops.drop_rules import window_refusal
from server.core.drops.drops import EndsBy
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.desk.claims.caps import CapName, KnownUnused
from server.flows.abort import Abort, abort_if
from server.flows.promotions.budgets import reserve
from server.flows.promotions.stops import claims_refusal
from server.ledger.drops.drop_row import DropRow
from server.ledger.promotions import batch_stock, batches
from server.ledger.promotions.batch_stock import UnitsTaken


async def take_units(
    conn: AsyncConnection, batch: Batch, room: str, units: int, now: int
) -> KnownUnused:
    """Take `units` as `take_allowed_units` does; Abort(wrong_state) while claims are stopped."""
    abort_if(await claims_refusal(conn, batch))
    return await take_allowed_units(conn, batch, room, units, now)


async def take_allowed_units(
    conn: AsyncConnection, batch: Batch, room: str, units: int, now: int
) -> KnownUnused:
    """Take `units` and return which caps no student can have used yet. Deferred writes go along.

    Abort(stock_short) with the number `available`, and with `budget` where a budget of the campaign is short.
    """
    if taken := await batch_stock.take(conn, batch, room, units):
        await reserve(conn, batch, units, now)
        return _unused(taken)
    current = await batches.find(conn, batch.id) or batch  # as other drops have left it
    raise Abort(
        Refused(
            Code.STOCK_SHORT,
            "the batch, or this room's share of it, has fewer left",
            {"available": current.droppable_in(room)},
        )
    )


def new_window_refusal(batch: Batch, template: Template, row: DropRow, now: int) -> Refused | None:
    """Return why a drop that opens now may not have the window that it asks for; None if it may."""
    opens_at = now + row.opens_in_seconds * 1000
    closes_at = last_moment(row.end, opens_at, batch, template)
    name = "duration_seconds" if row.ends is EndsBy.DURATION else "closes"
    return end_refusal(row.end, opens_at) or window_refusal(
        batch, template, opens_at, closes_at, name
    )


def _unused(taken: UnitsTaken) -> KnownUnused:
    unused = {
        CapName.BATCH: taken.is_batch_unused,
        CapName.CAMPAIGN: taken.is_campaign_unused,
    }
    return KnownUnused(taken.epoch, frozenset(name for name, is_so in unused.items() if is_so))
