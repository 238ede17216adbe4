"""Counters of how often a student uses coupons of a template: one for each student and template.

Called by flows that lock, free and give back coupons, inside their transactions, and by quotes. Only
templates with `uses_per_student` are counted. Lock order: after the coupons.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import insert_into
from server.ledger.tables import template_uses


async def of_student(
    conn: AsyncConnection, student: str, template_ids: Collection[str]
) -> dict[str, int]:
    """Return the counters of these templates; a template that was never used is not in it."""
    found = await conn.execute(_counters(student, template_ids))
    return {row[0]: row[1] for row in found}


async def find_for_update(
    conn: AsyncConnection, student: str, template_ids: Collection[str]
) -> dict[str, int]:
    """Return the counters of these templates and lock their rows until the transaction ends.

    Lock order: after the coupons, and by template id. Pass all templates whose counters the transaction
    moves in one call. A counter that does not exist yet is inserted as 0, so that it can be locked.
    """
    for template_id in sorted(template_ids):
        row = insert_into(conn.dialect, template_uses).values(
            template_id=template_id, student=student, uses=0
        )
        await conn.execute(row.on_conflict_do_nothing())
    query = _counters(student, template_ids).order_by(template_uses.c.template_id)
    found = await conn.execute(query.with_for_update())
    return {row[0]: row[1] for row in found}


async def take(conn: AsyncConnection, student: str, template_id: str, limit: int) -> bool:
    """Count one more use. False: the limit is reached, and nothing was counted."""
    counter = (template_uses.c.template_id == template_id, template_uses.c.student == student)
    taken = await conn.execute(
        update(template_uses)
        .where(*counter, template_uses.c.uses < limit)
        .values(uses=template_uses.c.uses + 1)
    )
    return taken.rowcount == 1


async def add(conn: AsyncConnection, student: str, uses: Mapping[str, int]) -> None:
    """Add to the counters by template, whatever the limit; a negative number takes uses back."""
    for template_id, more in sorted(uses.items()):
        counter = (template_uses.c.template_id == template_id, template_uses.c.student == student)
        await conn.execute(
            update(template_uses).where(*counter).values(uses=template_uses.c.uses + more)
        )


def _counters(student: str, template_ids: Collection[str]) -> Select[*tuple[str, int]]:
    return select(template_uses.c.template_id, template_uses.c.uses).where(
        template_uses.c.student == student, template_uses.c.template_id.in_(template_ids)
    )
