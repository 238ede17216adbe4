"""Give a student another name in the rows of access: for a merge of two accounts, and for an erasure.

Called by the flows of students in their transaction. The column `value` holds students beside others, so who
renames a student by the columns called `student` does not find them here.
"""

from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.access.rules import RuleKind
from server.ledger.access import rules
from server.ledger.tables import access_rules, watched, wrong_codes

_KINDS = (RuleKind.STUDENT.value, RuleKind.SUBJECT.value)
_rows = access_rules.c


async def rename_student(
    conn: AsyncConnection, student: str, name: str, actor: str, now: int
) -> None:
    """Let blocks and revocations of the student name `name` from now on; where `name` has one already, the
    student's is ended. What the watch has of the student is deleted: it counts anew."""
    named = and_(_rows.kind.in_(_KINDS), _rows.value == student)
    if await conn.scalar(select(_rows.id).where(named).limit(1)) is not None:
        changed = await rules.raise_version(conn)
        theirs = select(_rows.kind).where(
            _rows.kind.in_(_KINDS), _rows.value == name, _rows.ended_at.is_(None)
        )
        ended = {"ended_by": actor, "ended_at": now}
        await conn.execute(
            update(access_rules)
            .where(named, _rows.ended_at.is_(None), _rows.kind.in_(theirs))
            .values(**ended)
        )
        await conn.execute(update(access_rules).where(named).values(value=name, version=changed))
    await conn.execute(
        delete(watched).where(watched.c.kind == RuleKind.STUDENT.value, watched.c.value == student)
    )
    await conn.execute(delete(wrong_codes).where(wrong_codes.c.student == student))
