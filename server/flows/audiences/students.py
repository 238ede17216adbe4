"""Take over what a school says of its students.

Called by the API for the school's back end and for operators. Repeatable: the same list changes nothing the
second time.
"""

from collections.abc import Sequence

from server.core.audiences.students import StudentForm, student_violations
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.abort import returns_refusal
from server.ledger.audiences import students
from server.ledger.engine import Ledger


@returns_refusal
async def upsert_students(ledger: Ledger, forms: Sequence[StudentForm], now: int) -> int | Refused:
    """Insert or change the students, all or none; return how many. Refuses with invalid_field."""
    broken = [*student_violations(forms)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        await students.upsert(conn, forms, now)
    return len(forms)
