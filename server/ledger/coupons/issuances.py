"""Issuances as rows: made, found, driven by one worker at a time, counted.

Called by the flows that issue coupons, inside their transactions. issuance_items.py has the students.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import case, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import Issuance, IssuanceSource, IssuanceState
from server.ledger.tables import issuances


async def insert_issuance(
    conn: AsyncConnection, issuance: Issuance, driver: str | None = None, until: int = 0
) -> None:
    """Insert the issuance, driven by `driver` until then (ms) where one is given.

    IntegrityError: a recurring one has started this one already.
    """
    row = {name: getattr(issuance, name) for name in _PLAIN}
    row |= {"metadata": dict(issuance.metadata), "notify": issuance.notify}
    row |= {"driver": driver, "driven_until": until}
    if issuance.state is IssuanceState.DRAFT:
        row |= {"state": IssuanceState.SCHEDULED, "due_at": None}
    await conn.execute(insert(issuances).values(row))


async def find(
    conn: AsyncConnection, issuance_id: str, *, for_update: bool = False
) -> Issuance | None:
    """Return the issuance. `for_update` locks its row until the transaction ends."""
    query = select(*_COLUMNS).where(issuances.c.id == issuance_id)
    if for_update:
        query = query.with_for_update()
    row = (await conn.execute(query)).mappings().first()
    return _issuance(row) if row else None


async def page(
    conn: AsyncConnection,
    limit: int,
    after: str | None = None,
    of_batch: str | None = None,
    of_parent: str | None = None,
    of_source: str | None = None,
) -> list[Issuance]:
    """Return a page of issuances, newest first, that begins after the issuance `after`.

    `of_batch`, `of_parent`, `of_source`: only those of this batch, of this recurring issuance, or from this
    audience, import or trigger.
    """
    query = select(*_COLUMNS).order_by(issuances.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(issuances.c.id < after)
    if of_batch is not None:
        query = query.where(issuances.c.batch_id == of_batch)
    if of_parent is not None:
        query = query.where(issuances.c.parent_id == of_parent)
    if of_source is not None:
        query = query.where(issuances.c.source_id == of_source)
    return [_issuance(row) for row in (await conn.execute(query)).mappings()]


async def due(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return the ids of issuances that a worker has to look at, and that nobody drives; longest due first."""
    query = (
        select(issuances.c.id)
        .where(issuances.c.due_at <= now, issuances.c.driven_until <= now)
        .order_by(issuances.c.due_at, issuances.c.id)
        .limit(limit)
    )
    return list(await conn.scalars(query))


async def take_over(
    conn: AsyncConnection, issuance_id: str, driver: str, now: int, until: int
) -> Issuance | None:
    """Let `driver` drive the issuance until then (ms), if nobody does; return it. None: it is not due, or
    somebody drives it.
    """
    taken = await conn.execute(
        update(issuances)
        .where(
            issuances.c.id == issuance_id,
            issuances.c.due_at <= now,
            issuances.c.driven_until <= now,
        )
        .values(driver=driver, driven_until=until)
    )
    return await find(conn, issuance_id) if taken.rowcount else None


async def lock_driven(
    conn: AsyncConnection, issuance_id: str, driver: str, until: int
) -> Issuance | None:
    """Lock the row, and go on driving until then (ms); return the issuance. None: another drives it now."""
    held = await conn.execute(
        update(issuances)
        .where(issuances.c.id == issuance_id, issuances.c.driver == driver)
        .values(driven_until=until)
    )
    return await find(conn, issuance_id) if held.rowcount else None


async def change(conn: AsyncConnection, issuance_id: str, **columns: object) -> None:
    """Write these columns. The caller has locked the row."""
    await conn.execute(update(issuances).where(issuances.c.id == issuance_id).values(columns))


async def count(conn: AsyncConnection, issuance_id: str, more: Mapping[str, int]) -> None:
    """Add to the counts `asked`, `issued`, `refused`, `held_out` and `taken_back`."""
    added = {name: issuances.c[name] + number for name, number in more.items() if number}
    if added:
        await conn.execute(update(issuances).where(issuances.c.id == issuance_id).values(added))


async def undone_to(conn: AsyncConnection, issuance_id: str) -> str:
    """Return the student up to whom an undo has got; "" at its beginning."""
    query = select(issuances.c.undone_to).where(issuances.c.id == issuance_id)
    return str(await conn.scalar(query))


async def let_go(conn: AsyncConnection, issuance_id: str, driver: str, now: int) -> None:
    """Let any worker drive the issuance again, after those that have waited longer."""
    await conn.execute(
        update(issuances)
        .where(issuances.c.id == issuance_id, issuances.c.driver == driver, _IS_DUE)
        .values(
            driver=None,
            driven_until=0,
            due_at=case((issuances.c.due_at > now, issuances.c.due_at), else_=now),
        )
    )


def _issuance(row: Mapping[Any, Any]) -> Issuance:
    fields = {name: row[name] for name in _NAMES}
    fields["source"] = IssuanceSource(fields["source"])
    fields["state"] = IssuanceState(fields["state"])
    # A draft is one that is scheduled for no time: no worker looks at it, of whatever version.
    if fields["state"] is IssuanceState.SCHEDULED and fields["due_at"] is None:
        fields["state"] = IssuanceState.DRAFT
    return Issuance(**fields)


_IS_DUE: Final = issuances.c.due_at.is_not(None)
_NAMES: Final = tuple(Issuance.__dataclass_fields__)
_PLAIN: Final = tuple(name for name in _NAMES if name not in ("metadata", "notify"))
_COLUMNS: Final = tuple(issuances.c[name] for name in _NAMES)
