"""Moves what may still become a coupon from one account to another of the same person: passes of tasks,
invitations, entries of draws.

Called by flows/students/merge_chances.py inside the transaction of a merge. Every function may be repeated.
What is decided where both accounts have done the same is in REFERENCE.md, "Merge of two accounts".
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.ids import ClaimId, DropId, StudentId
from server.core.offers.offers import OPEN
from server.ledger.tables import (
    claims,
    draw_entries,
    draws,
    drops,
    exposures,
    invitations,
    inviters,
    lottery_spins,
    offers,
    task_passes,
)

# No student's id has a space: two names change places by it.
_BETWEEN: Final = "between two accounts"


class OwnEntry(NamedTuple):
    """An entry of a student in a draw."""

    drop_id: DropId
    claim_id: ClaimId


async def move_passes(conn: AsyncConnection, student: StudentId, into: StudentId) -> int:
    """Let the passes be those of `into`, once for each drop, and let the desk be told; return how many."""
    its, other = task_passes.c, task_passes.alias()
    has_one = exists().where(other.c.drop_id == its.drop_id, other.c.student == into)
    moved = await conn.execute(
        update(task_passes).where(its.student == student, ~has_one).values(student=into, told=False)
    )
    await conn.execute(delete(task_passes).where(its.student == student))
    return moved.rowcount


async def move_exposures(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Let the student's exposures to experiments be those of `into`; where both have one, that of `into`
    stays."""
    its, other = exposures.c, exposures.alias()
    has_one = exists().where(other.c.experiment_id == its.experiment_id, other.c.student == into)
    mine = its.student == student
    await conn.execute(update(exposures).where(mine, ~has_one).values(student=into))
    await conn.execute(delete(exposures).where(mine))


async def move_invitations(conn: AsyncConnection, student: StudentId, into: StudentId) -> None:
    """Let who came by a link of the student have come by one of `into`, and the other way round.

    Nobody has invited themselves, and a person comes to a drop once. Of two links for one drop that of `into`
    goes on.
    """
    its, other = invitations.c, invitations.alias()
    both = (student, into)
    itself = its.student.in_(both) & its.inviter.in_(both)
    came_too = exists().where(other.c.drop_id == its.drop_id, other.c.student == into)
    await conn.execute(delete(invitations).where(or_(itself, (its.student == student) & came_too)))
    await conn.execute(update(invitations).where(its.student == student).values(student=into))
    await conn.execute(update(invitations).where(its.inviter == student).values(inviter=into))
    link = inviters.alias()
    has_link = exists().where(link.c.drop_id == inviters.c.drop_id, link.c.student == into)
    mine = inviters.c.student == student
    await conn.execute(delete(inviters).where(mine, has_link))
    await conn.execute(update(inviters).where(mine).values(student=into))


async def move_entries(
    conn: AsyncConnection, student: StudentId, into: StudentId, winning: Collection[str]
) -> int:
    """Give the student's entries in draws that are over to `into`; return how many.

    An entry goes where its claim is: one stays whose claim has stayed, or is still on its way (`winning`:
    the drops whose desk has a claim of the student). Where both have entered, `into` has the entry by which
    it holds the claim, and the student the other.
    """
    its, other = draw_entries.c, draw_entries.alias()
    entered_too = exists().where(other.c.drop_id == its.drop_id, other.c.student == into)
    held = exists().where(claims.c.id == its.claim_id, claims.c.student == into)
    stayed = exists().where(claims.c.id == its.claim_id, claims.c.student != into)
    waits = its.drop_id.in_(winning) & ~held
    mine = (its.student == student) & _is_over() & ~stayed & ~waits
    moved = await conn.execute(update(draw_entries).where(mine, ~entered_too).values(student=into))
    changing = list(await conn.scalars(select(its.drop_id).where(mine, held)))
    for name, becomes in ((student, _BETWEEN), (into, student), (_BETWEEN, into)):
        of_these = its.drop_id.in_(changing) & (its.student == name)
        await conn.execute(update(draw_entries).where(of_these).values(student=becomes))
    return moved.rowcount + len(changing)


async def entries_of(
    conn: AsyncConnection, student: StudentId, drop_ids: Collection[str]
) -> list[OwnEntry]:
    """Return the student's entries in these draws, of those that are over."""
    its = draw_entries.c
    query = select(its.drop_id, its.claim_id).where(
        its.student == student, its.drop_id.in_(drop_ids), _is_over()
    )
    return [OwnEntry._make(row) for row in await conn.execute(query)]


async def drops_entered(
    conn: AsyncConnection, student: StudentId, closed_after: int
) -> dict[DropId, int]:
    """Return the draws that the student has entered and that the desk may have, with their shards: those
    that were not closed before `closed_after` (ms)."""
    its = drops.c
    query = select(its.id, its.shard).join(draw_entries, draw_entries.c.drop_id == its.id)
    is_kept = its.closed_at.is_(None) | (its.closed_at > closed_after)
    rows = await conn.execute(query.where(draw_entries.c.student == student, is_kept))
    return {DropId(row.id): row.shard for row in rows}


def _is_over() -> ColumnElement[bool]:
    """Return whether the draw of an entry is over: nobody is seated by the names of its entries any more."""
    of_it = draws.join(drops, drops.c.id == draws.c.drop_id)
    return (
        exists()
        .select_from(of_it)
        .where(
            draws.c.drop_id == draw_entries.c.drop_id,
            draws.c.refill_at.is_(None),
            drops.c.state == DropState.CLOSED.value,
        )
    )


async def count_under_way(conn: AsyncConnection, student: StudentId) -> int:
    """Return how much of the student's may become a coupon of the old account yet: offers that are being
    accepted, entries in draws that are not over, spins whose coupon is on its way."""
    states = [state.value for state in OPEN]
    accepting = select(func.count()).where(
        offers.c.student == student, offers.c.state.in_(states), offers.c.issuance_id.is_not(None)
    )
    entered = select(func.count()).where(draw_entries.c.student == student, ~_is_over())
    spun = select(func.count()).where(
        lottery_spins.c.student == student, lottery_spins.c.outcome.is_(None)
    )
    counts = [await conn.scalar(query) for query in (accepting, entered, spun)]
    return sum(count or 0 for count in counts)
