"""The entries of draws as rows, in the order in which the desk took them.

Called by the flows of draws and by the rebuild of a desk. Every read is a page of the primary key or one row
of an index. Rows are never deleted: they are the proof of a draw. An erasure takes the student out of them
and leaves the leaf.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.draws.entries import Entry
from server.core.ids import ClaimId, StudentId
from server.ledger.bulk import insert_rows
from server.ledger.tables import draw_entries

PAGE = 20_000  # about 40 ms of the database


class Entrant(NamedTuple):
    """A student of a draw; `person` and `device` are "" where the token of the tap had none."""

    student: StudentId
    person: str
    device: str


class EntryRow(NamedTuple):
    """An entry as the ledger has it. `leaf` in hexadecimal digits, `entered_at` in ms; `person` and `device`
    are "" where the token of the tap had none.
    """

    drop_id: str
    number: int
    student: StudentId
    claim_id: ClaimId
    request_id: str
    pseudonym: str
    client_random: str
    person: str
    device: str
    leaf: str
    entered_at: int

    @property
    def entry(self) -> Entry:
        return Entry(
            self.number, self.pseudonym, self.request_id, self.entered_at, self.client_random
        )


async def insert_new(conn: AsyncConnection, rows: Sequence[EntryRow]) -> bool:
    """Insert the entries; one whose claim id exists is a repetition. True: all are new.

    Another conflict (a place that is taken, a second entry of a student) is an IntegrityError.
    """
    return await insert_rows(conn, draw_entries, EntryRow._fields, rows, "claim_id")


async def count(conn: AsyncConnection, drop_id: str) -> int:
    """Return how many entries there are: one more than the last number, as they have no gaps."""
    query = select(func.max(draw_entries.c.number)).where(draw_entries.c.drop_id == drop_id)
    last = await conn.scalar(query)
    return 0 if last is None else int(last) + 1


async def page(conn: AsyncConnection, drop_id: str, start: int, most: int = PAGE) -> list[EntryRow]:
    """Return the entries from number `start` on, `most` at most, in order."""
    columns = (draw_entries.c[name] for name in EntryRow._fields)
    query = select(*columns).where(
        draw_entries.c.drop_id == drop_id, draw_entries.c.number >= start
    )
    found = await conn.execute(query.order_by(draw_entries.c.number).limit(most))
    return [EntryRow._make(row) for row in found]


async def leaves(conn: AsyncConnection, drop_id: str) -> list[str]:
    """Return all leaves in order. Reads by pages."""
    found: list[str] = []
    while True:
        query = select(draw_entries.c.leaf).where(
            draw_entries.c.drop_id == drop_id, draw_entries.c.number >= len(found)
        )
        some = list(await conn.scalars(query.order_by(draw_entries.c.number).limit(PAGE)))
        found += some
        if len(some) < PAGE:
            return found


async def students(conn: AsyncConnection, drop_id: str) -> list[StudentId]:
    """Return who entered, in order. Reads by pages."""
    return [one.student for one in await entrants(conn, drop_id)]


async def entrants(conn: AsyncConnection, drop_id: str) -> list[Entrant]:
    """Return who entered, by which they may be blocked, in order. Reads by pages."""
    columns = (draw_entries.c[name] for name in Entrant._fields)
    entered = select(*columns).where(draw_entries.c.drop_id == drop_id)
    found: list[Entrant] = []
    while True:
        query = entered.where(draw_entries.c.number >= len(found))
        some = await conn.execute(query.order_by(draw_entries.c.number).limit(PAGE))
        page = [Entrant._make(row) for row in some]
        found += page
        if len(page) < PAGE:
            return found


async def of_student(conn: AsyncConnection, drop_id: str, student: str) -> EntryRow | None:
    """Return the student's entry."""
    columns = (draw_entries.c[name] for name in EntryRow._fields)
    query = select(*columns).where(
        draw_entries.c.drop_id == drop_id, draw_entries.c.student == student
    )
    row = (await conn.execute(query)).first()
    return EntryRow._make(row) if row else None
