"""Offers as rows. Units and budgets are moved by the flows, in the same transactions.

Called by flows/offers alone.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import BatchId, CouponId, StudentId
from server.core.offers.offers import OPEN, Offer, OfferState
from server.ledger.bulk import is_among
from server.ledger.tables import coupons, offers

_O = offers.c
_IS_OPEN = _O.state.in_([state.value for state in OPEN])


async def insert_offers(conn: AsyncConnection, made: Sequence[Offer]) -> None:
    """Insert new offers. IntegrityError: a student has an open offer of the batch already."""
    if made:
        await conn.execute(insert(offers), [_row(one) for one in made])


def _row(offer: Offer) -> dict[str, Any]:
    return {
        "id": offer.id,
        "group_id": offer.group_id,
        "room": offer.room,
        "batch_id": offer.batch_id,
        "student": offer.student,
        "state": offer.state.value,
        "course": offer.course,
        "message": offer.message,
        "expires_at": offer.expires_at,
        "created_by": offer.created_by,
        "created_at": offer.created_at,
        "metadata": dict(offer.metadata),
    }


async def students_with_open(
    conn: AsyncConnection, batch_id: str, students: Collection[str]
) -> set[StudentId]:
    """Return those of these students who have an open offer of the batch."""
    query = select(_O.student).where(
        _O.batch_id == batch_id, is_among(conn, _O.student, students), _IS_OPEN
    )
    return {StudentId(one) for one in await conn.scalars(query)}


async def count_open(conn: AsyncConnection, room: str) -> int:
    """Return how many open offers the room has."""
    return int(await conn.scalar(select(func.count()).where(_O.room == room, _IS_OPEN)) or 0)


async def find(conn: AsyncConnection, offer_id: str) -> Offer | None:
    row = (await conn.execute(select(offers).where(_O.id == offer_id))).mappings().first()
    return _offer(row) if row else None


async def find_for_update(conn: AsyncConnection, offer_id: str) -> Offer | None:
    """Return the offer and lock its row until the transaction ends."""
    query = select(offers).where(_O.id == offer_id).with_for_update()
    row = (await conn.execute(query)).mappings().first()
    return _offer(row) if row else None


async def of_group(conn: AsyncConnection, group_id: str) -> list[Offer]:
    """Return the offers of one request, in the order of their ids."""
    query = select(offers).where(_O.group_id == group_id).order_by(_O.id)
    return [_offer(row) for row in (await conn.execute(query)).mappings()]


async def page_of_room(
    conn: AsyncConnection, room: str, state: OfferState | None, limit: int, after: str | None
) -> list[Offer]:
    """Return a page of the room's offers, newest first, from behind the offer `after`."""
    query = select(offers).where(_O.room == room).order_by(_O.id.desc()).limit(limit)
    if state is not None:
        query = query.where(_O.state == state.value)
    if after is not None:
        query = query.where(_O.id < after)
    return [_offer(row) for row in (await conn.execute(query)).mappings()]


async def open_of_student(conn: AsyncConnection, student: str, now: int) -> list[Offer]:
    """Return the student's open offers whose time is not over, newest first: one of each batch at most."""
    query = (
        select(offers)
        .where(_O.student == student, _IS_OPEN, _O.expires_at > now)
        .order_by(_O.id.desc())
        .limit(200)
    )
    return [_offer(row) for row in (await conn.execute(query)).mappings()]


async def open_of_student_for_update(conn: AsyncConnection, student: str) -> list[Offer]:
    """Return the student's open offers, in the order of their ids, and lock their rows."""
    query = select(offers).where(_O.student == student, _IS_OPEN).order_by(_O.id)
    return [_offer(row) for row in (await conn.execute(query.with_for_update())).mappings()]


async def overdue(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return the ids of open offers whose time is over, and that nobody is accepting."""
    query = (
        select(_O.id)
        .where(_IS_OPEN, _O.expires_at <= now, _O.issuance_id.is_(None))
        .order_by(_O.expires_at)
        .limit(limit)
    )
    return list(await conn.scalars(query))


async def being_accepted(conn: AsyncConnection, limit: int) -> list[str]:
    """Return the ids of offers whose coupons are on their way."""
    query = select(_O.id).where(_IS_OPEN, _O.issuance_id.is_not(None)).order_by(_O.id).limit(limit)
    return list(await conn.scalars(query))


async def change(conn: AsyncConnection, offer_id: str, **values: Any) -> None:
    """Write these columns. The caller has locked the row."""
    await conn.execute(update(offers).where(_O.id == offer_id).values(**values))


async def delete_old(conn: AsyncConnection, before: int, limit: int) -> int:
    """Delete some offers that ended before that time (ms); return how many."""
    old = select(_O.id).where(_O.ended_at < before).order_by(_O.ended_at).limit(limit)
    done = await conn.execute(delete(offers).where(_O.id.in_(old)))
    return done.rowcount


def units_by_batch() -> Any:
    """Return a query of (batch, units kept): open offers, but for those whose coupon is there already."""
    given = (
        select(coupons.c.id)
        .where(coupons.c.issuance_id == _O.issuance_id, coupons.c.state != "revoked")
        .exists()
    )
    return select(_O.batch_id, func.count()).where(_IS_OPEN, ~given).group_by(_O.batch_id)


def units_by_room() -> Any:
    """Return a query of (batch, room, units): open offers and accepted ones count for the room's quota."""
    counts = or_(_IS_OPEN, _O.state == OfferState.ACCEPTED.value)
    return select(_O.batch_id, _O.room, func.count()).where(counts).group_by(_O.batch_id, _O.room)


def _offer(row: RowMapping) -> Offer:
    return Offer(
        id=row["id"],
        group_id=row["group_id"],
        room=row["room"],
        batch_id=BatchId(row["batch_id"]),
        student=StudentId(row["student"]),
        state=OfferState(row["state"]),
        expires_at=row["expires_at"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        course=row["course"],
        message=row["message"],
        ended_at=row["ended_at"],
        issuance_id=row["issuance_id"],
        coupon_id=None if row["coupon_id"] is None else CouponId(row["coupon_id"]),
        metadata=row["metadata"],
    )
