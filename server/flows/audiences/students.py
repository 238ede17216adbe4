"""Take over what a school says of its students.

Called by the API for the school's back end and for operators. Repeatable: the same list changes nothing the
second time. With a key it changes nothing even after a newer list, so that a late repetition undoes nothing.
"""

from collections.abc import Sequence

from server.core.audiences.students import StudentForm, student_violations
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.abort import returns_refusal
from server.flows.idempotency import find_previous_result
from server.ids import new_id
from server.ledger.audiences import students
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey


@returns_refusal
async def upsert_students(
    ledger: Ledger, forms: Sequence[StudentForm], now: int, key: IdempotencyKey | None = None
) -> int | Refused:
    """Insert or change the students, all or none, once for each `key`; return how many.

    Refuses with invalid_field.
    """
    broken = [*student_violations(forms)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        if await find_previous_result(conn, key, new_id("ups"), now) is None:
            await students.upsert(conn, forms, now)
    return len(forms)
