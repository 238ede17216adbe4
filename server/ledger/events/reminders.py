"""Reminders as rows: how far each level has come, and which coupons come next.

Called by flows/events/reminders.py. Reads along the index over the ends of usable coupons, in pages.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, exists, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import insert_unless_there
from server.ledger.tables import (
    batches,
    coupons,
    messages,
    reminder_positions,
    template_versions,
)

_positions = reminder_positions.c
_coupons = coupons.c


class Position(NamedTuple):
    """All coupons until this (end, id) were looked at."""

    until: int
    coupon_id: str


class EndingCoupon(NamedTuple):
    """A coupon that a student may still use, and ends soon. `levels`: its batch's hours; None: the usual."""

    id: str
    student: str
    ends_at: int
    levels: Sequence[int] | None
    name: str
    use_url: str | None


async def levels_of_batches(conn: AsyncConnection) -> list[tuple[int, ...]]:
    """Return the hours of each batch that has its own, without repetitions."""
    query = select(batches.c.remind_before).where(batches.c.remind_before.is_not(None))
    found = {tuple(hours) for hours in await conn.scalars(query)}
    return sorted(found)


async def position_for_update(conn: AsyncConnection, hours: int, begin: int) -> Position:
    """Return how far this level has come, and lock it until the transaction ends. A new one is at `begin`."""
    fresh = insert_unless_there(conn.dialect, reminder_positions, "hours")
    await conn.execute(fresh.values(hours=hours, until=begin, coupon_id=""))
    query = select(_positions.until, _positions.coupon_id).where(_positions.hours == hours)
    return Position(*(await conn.execute(query.with_for_update())).one())


async def move(conn: AsyncConnection, hours: int, position: Position) -> None:
    values = position._asdict()
    await conn.execute(update(reminder_positions).where(_positions.hours == hours).values(values))


async def ending(
    conn: AsyncConnection, after: Position, until: int, limit: int
) -> list[EndingCoupon]:
    """Return usable coupons that end behind `after` and until `until` (ms), in the order of (end, id)."""
    query = _ending(until).where(tuple_(_coupons.valid_until, _coupons.id) > tuple_(*after))
    query = query.order_by(_coupons.valid_until, _coupons.id).limit(limit)
    return [EndingCoupon(*row) for row in await conn.execute(query)]


async def ending_of_batch(
    conn: AsyncConnection, batch_id: str, now: int, until: int, mark: tuple[str, str], limit: int
) -> list[EndingCoupon]:
    """Return usable coupons of the batch that end between `now` and `until` (ms) and of which no message was
    asked for whose `once` is their id between the two parts of `mark`."""
    once = literal(mark[0]) + _coupons.id + literal(mark[1])
    is_asked_for = exists().where(messages.c.once == once)
    query = _ending(until).where(
        _coupons.batch_id == batch_id, _coupons.valid_until > now, ~is_asked_for
    )
    query = query.order_by(_coupons.id).limit(limit)
    return [EndingCoupon(*row) for row in await conn.execute(query)]


def _ending(until: int) -> Select[tuple[Any, ...]]:
    version = (template_versions.c.template_id == _coupons.template_id) & (
        template_versions.c.version == _coupons.template_version
    )
    return (
        select(
            _coupons.id,
            _coupons.student,
            _coupons.valid_until,
            batches.c.remind_before,
            template_versions.c.name,
            template_versions.c.use_url,
        )
        .select_from(
            coupons.join(batches, batches.c.id == _coupons.batch_id).join(
                template_versions, version
            )
        )
        .where(
            text("coupons.state = 'usable'"),  # written out, for the partial index
            _coupons.student.is_not(None),
            _coupons.valid_until <= until,
        )
    )
