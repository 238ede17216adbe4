"""Find which students meet the conditions of a batch, by what the school has said of them.

Called by flows/coupons/issuing/issue_eligibility.py. A tap brings tags in its token; a student who is named
brings none.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import StudentId
from server.core.promotions.claim_conditions import ClaimConditions
from server.ledger.bulk import is_among
from server.ledger.tables import student_facts, student_tags


async def admitted_among(
    conn: AsyncConnection, conditions: ClaimConditions, students: Collection[StudentId]
) -> set[StudentId]:
    """Return those of these students who have one of the tags, and are new where that is a condition: the
    school's own fact `new` is true; and who are in the share of an experiment that has the batch.
    """
    split = conditions.split
    admitted = {one for one in students if split is None or split.admits(one)}
    if conditions.tags:
        of = student_tags.c
        query = select(of.student).where(
            is_among(conn, of.student, students), of.tag.in_(conditions.tags)
        )
        admitted &= set(await conn.scalars(query))
    if conditions.new:
        fact = student_facts.c
        query = select(fact.student).where(
            is_among(conn, fact.student, students), fact.name == "new", fact.value == "true"
        )
        admitted &= set(await conn.scalars(query))
    return admitted
