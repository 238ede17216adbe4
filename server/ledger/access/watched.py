"""Watched subjects as rows, and wrong codes by the hour.

Called by flows/access/watch.py and, for reading, by the API.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.watch import HOUR_MS, Assessment, Level, Reason, Signal, Watched
from server.ids import new_id
from server.ledger.bulk import insert_into, insert_unless_there
from server.ledger.tables import watch_turns, watched, wrong_codes

_THE_ROW = 1


@dataclass(frozen=True, slots=True)
class WatchedRow:
    """An assessment as it was at `seen_at` (ms), and when the subject had points first."""

    id: str
    found: Assessment
    first_seen_at: int
    seen_at: int


@dataclass(frozen=True, slots=True)
class WatchFilter:
    """The rows that a list shows. None: all kinds, all levels."""

    kind: Watched | None = None
    level: Level | None = None


async def take_turn(conn: AsyncConnection, now: int, every_ms: int) -> bool:
    """Take the turn to look; False where a worker has looked less than `every_ms` ago."""
    fresh = insert_unless_there(conn.dialect, watch_turns, "id")
    await conn.execute(fresh.values(id=_THE_ROW, looked_at=0))
    taken = (
        update(watch_turns)
        .where(watch_turns.c.id == _THE_ROW, watch_turns.c.looked_at <= now - every_ms)
        .values(looked_at=now)
    )
    return (await conn.execute(taken)).rowcount == 1


async def write(conn: AsyncConnection, found: Sequence[Assessment], now: int) -> None:
    """Insert the assessments, or replace those of the same subjects."""
    for one in found:
        said = {
            "points": one.points,
            "level": one.level.value,
            "reasons": [_reason_to_json(reason) for reason in one.reasons],
            "seen_at": now,
        }
        row = {"id": new_id("wch"), "kind": one.kind.value, "value": one.value, **said}
        fresh = insert_into(conn.dialect, watched).values(**row, first_seen_at=now)
        await conn.execute(
            fresh.on_conflict_do_update(index_elements=[watched.c.kind, watched.c.value], set_=said)
        )


async def page(
    conn: AsyncConnection, wanted: WatchFilter, limit: int, after: str | None
) -> list[WatchedRow]:
    """Return a page of watched subjects, newest first, that begins after the row `after`."""
    query = select(watched)
    if wanted.kind is not None:
        query = query.where(watched.c.kind == wanted.kind.value)
    if wanted.level is not None:
        query = query.where(watched.c.level == wanted.level.value)
    if after is not None:
        query = query.where(watched.c.id < after)
    rows = await conn.execute(query.order_by(watched.c.id.desc()).limit(limit))
    return [_row(row) for row in rows.mappings()]


async def delete_old(conn: AsyncConnection, before: int) -> int:
    """Delete the rows that were not seen since `before` (ms); return how many."""
    gone = await conn.execute(delete(watched).where(watched.c.seen_at < before))
    return gone.rowcount


async def count_wrong_code(conn: AsyncConnection, student: str, now: int) -> None:
    """Count one wrong code of the student in the present hour."""
    hour = now // HOUR_MS * HOUR_MS
    fresh = insert_into(conn.dialect, wrong_codes).values(student=student, hour=hour, count=1)
    raised = {"count": wrong_codes.c.count + 1}
    await conn.execute(
        fresh.on_conflict_do_update(
            index_elements=[wrong_codes.c.student, wrong_codes.c.hour], set_=raised
        )
    )


async def delete_wrong_codes(conn: AsyncConnection, before: int) -> None:
    """Delete the counts of hours that began before `before` (ms)."""
    await conn.execute(delete(wrong_codes).where(wrong_codes.c.hour < before))


def _reason_to_json(reason: Reason) -> dict[str, object]:
    return {name: value for name, value in asdict(reason).items() if value is not None}


def _row(row: RowMapping) -> WatchedRow:
    reasons = tuple(Reason(**one | {"signal": Signal(one["signal"])}) for one in row["reasons"])
    found = Assessment(
        Watched(row["kind"]), row["value"], row["points"], Level(row["level"]), reasons
    )
    return WatchedRow(row["id"], found, row["first_seen_at"], row["seen_at"])
