"""The mail addresses of students: the fact `email` that the school has told us (POST /v1/students).

Called by the flow that sends mail. No address is kept anywhere else.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.bulk import is_among
from server.ledger.tables import student_facts

FACT: Final = "email"
_LONGEST: Final = 254  # RFC 5321


async def addresses_of(conn: AsyncConnection, students: Collection[str]) -> dict[str, str]:
    """Return student -> address, of those whose fact looks like one."""
    rows = student_facts.c
    of_these = is_among(conn, rows.student, students)
    query = select(rows.student, rows.text).where(of_these, rows.name == FACT)
    found = await conn.execute(query)
    return {student: text for student, text in found if _is_address(text)}


def _is_address(text: str | None) -> bool:
    """Return whether a mail server could take it; the line breaks of an address would begin a header."""
    if text is None or len(text) > _LONGEST or not text.isprintable() or " " in text:
        return False
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and not set(text) & set('<>,;"\\')
