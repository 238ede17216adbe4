"""The seeds of days as rows: made before the day, told after it.

Called by the flows of lotteries inside their transactions. A row is never deleted: what was drawn can be
computed again for ever, and a day is one row.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import insert_into
from server.ledger.tables import lottery_days

_D = lottery_days.c


class SeedOfDay(NamedTuple):
    """The seed of a day of the school. `day` is the number of its date; instants are ms. `published_at`
    None: the seed is secret."""

    day: int
    seed: bytes
    committed_at: int
    published_at: int | None


async def insert_unless_there(conn: AsyncConnection, one: SeedOfDay) -> bool:
    """Insert the seed of a day; False where the day has one already."""
    row = {"day": one.day, "seed": one.seed.hex(), "committed_at": one.committed_at}
    added = insert_into(conn.dialect, lottery_days).values(row)
    return (await conn.execute(added.on_conflict_do_nothing())).rowcount == 1


async def of_days(conn: AsyncConnection, days: Collection[int]) -> dict[int, SeedOfDay]:
    """Return the seeds of those of these days that have one."""
    columns = select(_D.day, _D.seed, _D.committed_at, _D.published_at)
    rows = await conn.execute(columns.where(_D.day.in_(sorted(days))))
    return {row.day: SeedOfDay(row[0], bytes.fromhex(row[1]), row[2], row[3]) for row in rows}


async def is_any_secret(conn: AsyncConnection, day: int) -> bool:
    """Return whether the seed of a day before `day` is still secret."""
    is_due = _D.published_at.is_(None) & (_D.day < day)
    return bool(await conn.scalar(select(exists().where(is_due))))


async def secret_before(conn: AsyncConnection, day: int, limit: int) -> list[SeedOfDay]:
    """Return seeds of days before `day` that are still secret, oldest first; lock their rows."""
    columns = select(_D.day, _D.seed, _D.committed_at, _D.published_at)
    due = columns.where(_D.published_at.is_(None), _D.day < day).order_by(_D.day).limit(limit)
    rows = await conn.execute(due.with_for_update())
    return [SeedOfDay(row[0], bytes.fromhex(row[1]), row[2], row[3]) for row in rows]


async def mark_published(conn: AsyncConnection, days: Collection[int], now: int) -> None:
    mine = _D.day.in_(sorted(days))
    await conn.execute(update(lottery_days).where(mine).values(published_at=now))


async def page(conn: AsyncConnection, limit: int, before: int | None) -> list[SeedOfDay]:
    """Return days, newest first, that begin before the day `before`."""
    query = select(_D.day, _D.seed, _D.committed_at, _D.published_at).order_by(_D.day.desc())
    if before is not None:
        query = query.where(_D.day < before)
    rows = await conn.execute(query.limit(limit))
    return [SeedOfDay(row[0], bytes.fromhex(row[1]), row[2], row[3]) for row in rows]
