"""Rows of sealed days.

Called by flows/statements/seal_days.py, which holds the position of the reader that writes lines while it
closes a day: no line can be added to it afterwards.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.statements.days import DaySum, DayTotals
from server.ledger.tables import statement_days

_D = statement_days.c


class SealedDay(NamedTuple):
    """A closed day. `sealed_at` (ms) and all that follow are None until the seal is computed."""

    date: str
    sealed_at: int | None
    lines: int | None
    totals: Mapping[str, DayTotals] | None
    sha256: str | None
    prev_sha256: str | None


async def last_closed(conn: AsyncConnection) -> str | None:
    """Return the last day that takes no more lines, None before the first."""
    found: str | None = await conn.scalar(select(func.max(_D.date)))
    return found


async def close(conn: AsyncConnection, days: list[str], now: int) -> None:
    """Close days to further lines. The caller holds the position of the reader that writes lines."""
    if days:
        await conn.execute(
            insert(statement_days), [{"date": day, "closed_at": now} for day in days]
        )


async def first_unsealed(conn: AsyncConnection) -> str | None:
    """Return the first closed day that has no seal yet."""
    found: str | None = await conn.scalar(select(func.min(_D.date)).where(_D.sealed_at.is_(None)))
    return found


async def seal_before(conn: AsyncConnection, day: str) -> str | None:
    """Return the seal of the last day before `day`."""
    query = select(_D.sha256).where(_D.date < day).order_by(_D.date.desc()).limit(1)
    found: str | None = await conn.scalar(query)
    return found


async def seal(conn: AsyncConnection, day: str, summed: DaySum, before: str, now: int) -> None:
    """Write the seal of a closed day; one that has a seal keeps it."""
    totals = {currency: asdict(sums) for currency, sums in summed.totals.items()}
    await conn.execute(
        update(statement_days)
        .where(_D.date == day, _D.sealed_at.is_(None))
        .values(
            sealed_at=now,
            lines=summed.lines,
            totals=totals,
            sha256=summed.seal,
            prev_sha256=before,
        )
    )


async def between(conn: AsyncConnection, first: str, last: str) -> list[SealedDay]:
    """Return the closed days from `first` to `last`, both included, in their order."""
    query = select(statement_days).where(_D.date >= first, _D.date <= last).order_by(_D.date)
    return [_day(row) for row in (await conn.execute(query)).mappings()]


def _day(row: RowMapping) -> SealedDay:
    totals = row["totals"]
    return SealedDay(
        date=row["date"],
        sealed_at=row["sealed_at"],
        lines=row["lines"],
        totals=None if totals is None else {key: DayTotals(**of) for key, of in totals.items()},
        sha256=row["sha256"],
        prev_sha256=row["prev_sha256"],
    )
