"""The list of erasures as rows. Called by the flow that erases, and by `doctor`."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.students.erasure import hashes_of
from server.ledger.bulk import insert_unless_there
from server.ledger.tables import erasures, redemptions

_rows = erasures.c


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure: a hash of the id, the key of the hash by its name, and what stands in the id's place."""

    id: str
    student_hash: str
    key_name: str
    pseudonym: str
    asked_by: str
    asked_at: int
    done_at: int | None = None


async def insert_erasure(conn: AsyncConnection, erasure: Erasure) -> None:
    await conn.execute(insert(erasures).values(asdict(erasure)))


async def find_open(conn: AsyncConnection, keys: Collection[bytes], student: str) -> Erasure | None:
    """Return the erasure of this student that is not done yet."""
    hashes = list(hashes_of(keys, student).values())
    query = select(erasures).where(_rows.student_hash.in_(hashes), _rows.done_at.is_(None))
    row = (await conn.execute(query.limit(1))).first()
    return _erasure(row._mapping) if row else None


async def open_again(conn: AsyncConnection, erasure: Erasure) -> None:
    """Open an erasure whose student is back; insert it where a restored database lacks it."""
    fresh = insert_unless_there(conn.dialect, erasures, "pseudonym")
    await conn.execute(fresh.values(asdict(erasure)))
    of_it = update(erasures).where(_rows.pseudonym == erasure.pseudonym)
    await conn.execute(of_it.values(done_at=None))


async def mark_done(conn: AsyncConnection, erasure_id: str, now: int) -> None:
    await conn.execute(update(erasures).where(_rows.id == erasure_id).values(done_at=now))


async def all_erasures(conn: AsyncConnection, after: str, limit: int) -> list[Erasure]:
    """Return a page of erasures in the order of their ids, behind the id `after`."""
    query = select(erasures).where(_rows.id > after).order_by(_rows.id).limit(limit)
    return [_erasure(row._mapping) for row in await conn.execute(query)]


async def has_open_order(conn: AsyncConnection, student: str) -> bool:
    """Return whether the student is paying for an order now: coupons of theirs are locked on it."""
    query = select(redemptions.c.id).where(
        redemptions.c.student == student, redemptions.c.state == "locked"
    )
    return (await conn.execute(query.limit(1))).first() is not None


def _erasure(row: Mapping[Any, Any]) -> Erasure:
    return Erasure(**row)
