"""The stock of a batch: the only functions that move units between a batch and its drops and codes.

Called by flows inside the transaction that makes or ends a drop or a run of codes. Units are taken by a
conditional UPDATE and never by counting first: of two rooms that want the last units, the second finds them
gone. Lock order: the batch before the room quota, and both before budgets, so that two transactions cannot
deadlock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Integer, Update, bindparam, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch
from server.ledger.deferred import execute_with_deferred
from server.ledger.promotions import budgets
from server.ledger.tables import batch_rooms, batches


@dataclass(frozen=True, slots=True)
class UnitsTaken:
    """The facts that are read when units are taken: the epoch of the desk shard, and whether any slot of the
    batch, or of its campaign, can have been used until then.
    """

    epoch: int
    is_batch_unused: bool
    is_campaign_unused: bool


async def take(conn: AsyncConnection, batch: Batch, room: str, units: int) -> UnitsTaken | None:
    """Allot units to a drop of the room. None: the batch or the room's quota has fewer, and nothing was
    taken. Deferred writes go along.
    """
    values = {"of": batch.id, "units": units}
    row = (await execute_with_deferred(conn, _UNITS_TAKEN, values)).first()
    if row is None:
        return None
    if batch.rooms is None or await _take_room_quota(conn, batch.id, room, units):
        return UnitsTaken(row[0], not row[1], not row[2])
    await _return_to_batch(conn, batch.id, units)
    return None


async def take_codes(conn: AsyncConnection, batch_id: str, units: int) -> bool:
    """Take units for codes, which belong to no room. False: the batch has fewer, or does not exist.

    An unlimited batch only counts them.
    """
    quantity = batches.c.quantity
    taken = await conn.execute(
        update(batches)
        .where(
            batches.c.id == batch_id,
            or_(quantity.is_(None), batches.c.allotted + units <= quantity),
        )
        .values(allotted=batches.c.allotted + units)
    )
    return taken.rowcount == 1


async def take_offers(conn: AsyncConnection, batch: Batch, room: str, units: int) -> bool:
    """Keep units for offers of the room. False: the batch or the room's quota has fewer, and nothing was
    taken. An unlimited batch only counts them.
    """
    if not await take_codes(conn, batch.id, units):
        return False
    if batch.rooms is None or await _take_room_quota(conn, batch.id, room, units):
        return True
    await _return_to_batch(conn, batch.id, units)
    return False


async def lock(conn: AsyncConnection, batch_ids: Collection[str]) -> dict[str, int | None]:
    """Lock the batches until the transaction ends; return what each has left, None without a limit."""
    query = select(batches.c.id, batches.c.quantity, batches.c.allotted).where(
        batches.c.id.in_(batch_ids)
    )
    rows = await conn.execute(query.order_by(batches.c.id).with_for_update())
    return {row[0]: None if row[1] is None else row[1] - row[2] for row in rows}


async def give_back_codes(conn: AsyncConnection, batch_id: str, units: int) -> None:
    """Return units that belong to no room. IntegrityError: more are given back than were taken."""
    if units:
        await _return_to_batch(conn, batch_id, units)


async def give_back(conn: AsyncConnection, batch_id: str, room: str, units: int) -> None:
    """Return units of a drop to the batch, and their part of the campaign's budget.

    Deferred writes go along. IntegrityError: more units are given back than were taken.
    """
    if units == 0:
        return
    returned = await execute_with_deferred(conn, _UNITS_RETURNED, {"of": batch_id, "units": units})
    any_room, campaign_id, greatest_discount = returned.one()
    if not any_room:
        await conn.execute(
            update(batch_rooms)
            .where(batch_rooms.c.batch_id == batch_id, batch_rooms.c.room == room)
            .values(allotted=batch_rooms.c.allotted - units)
        )
    if campaign_id is not None and greatest_discount is not None:
        await budgets.give_back_units_of(conn, campaign_id, greatest_discount, units)


async def _take_room_quota(conn: AsyncConnection, batch_id: str, room: str, units: int) -> bool:
    quota = batch_rooms.c.quantity
    taken = await conn.execute(
        update(batch_rooms)
        .where(
            batch_rooms.c.batch_id == batch_id,
            batch_rooms.c.room == room,
            or_(quota.is_(None), batch_rooms.c.allotted + units <= quota),
        )
        .values(allotted=batch_rooms.c.allotted + units)
    )
    return taken.rowcount == 1


async def _return_to_batch(conn: AsyncConnection, batch_id: str, units: int) -> None:
    await conn.execute(
        update(batches).where(batches.c.id == batch_id).values(allotted=batches.c.allotted - units)
    )


_UNITS_RETURNED: Final[Update] = (
    update(batches)
    .where(batches.c.id == bindparam("of"))
    .values(allotted=batches.c.allotted - bindparam("units"))
    .returning(batches.c.any_room, batches.c.campaign_id, batches.c.greatest_discount)
)
_MORE_ALLOTTED = batches.c.allotted + bindparam("units", type_=Integer)
# Read together with the units, which costs no round trip: whether students can have used a slot. They can
# have if there is a drop that is no longer prepared, or a bound code. Plain SQL, because SQLAlchemy omits the
# names of tables in SQLite's RETURNING.
_BEGUN = "drops.state <> 'prepared'"
_EPOCH = "(SELECT epoch FROM desks WHERE desks.shard = batches.shard)"
_BATCH_IS_USED = f"""(
  EXISTS (SELECT 1 FROM drops WHERE drops.batch_id = batches.id AND {_BEGUN})
  OR EXISTS (SELECT 1 FROM coupons WHERE coupons.batch_id = batches.id
    AND claim_id IS NULL AND slot IS NOT NULL AND coupons.state <> 'revoked'))"""
_CAMPAIGN_IS_USED = f"""(
  EXISTS (SELECT 1 FROM campaign_claims WHERE campaign_claims.campaign_id = batches.campaign_id)
  OR EXISTS (SELECT 1 FROM batches AS other JOIN drops ON drops.batch_id = other.id
    WHERE other.campaign_id = batches.campaign_id AND {_BEGUN}))"""
_UNITS_TAKEN: Final[Update] = (
    update(batches)
    .where(batches.c.id == bindparam("of"), batches.c.quantity >= _MORE_ALLOTTED)
    .values(allotted=_MORE_ALLOTTED)
    .returning(
        literal_column(_EPOCH), literal_column(_BATCH_IS_USED), literal_column(_CAMPAIGN_IS_USED)
    )
)
