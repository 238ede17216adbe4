"""Reads what seals are compared with: claims of their drops, the seals before them, and merged accounts.

Called by flows/consistency/checks/seal_checks.py (doctor).
"""

from collections import defaultdict

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.drops.drops import DropState
from server.core.drops.receipts import split
from server.core.drops.seal_audit import SealEvidence
from server.ledger.drops import seals
from server.ledger.tables import acts, drop_seals, drops, seals_due

Key = tuple[str, int]
_KEY = (drop_seals.c.drop_id, drop_seals.c.number)


async def keys_after(conn: AsyncConnection, after: Key, limit: int) -> list[Key]:
    """Return drop and number of the next seals, in their order."""
    query = select(*_KEY).where(tuple_(*_KEY) > tuple_(*after)).order_by(*_KEY).limit(limit)
    return [(row[0], row[1]) for row in await conn.execute(query)]


async def evidence_of(conn: AsyncConnection, key: Key) -> SealEvidence | None:
    """Return the seal with all that it is compared with, from one snapshot."""
    drop_id, number = key
    stored = await seals.find(conn, drop_id, number)
    if stored is None:
        return None
    claims = {one.claim_id: one for one in await seals.claims_to_seal(conn, drop_id)}
    waits = select(seals_due.c.drop_id).where(seals_due.c.drop_id == drops.c.id).exists()
    is_closed = select(drops.c.id).where(
        drops.c.id == drop_id, drops.c.state == DropState.CLOSED.value, ~waits
    )
    is_last = number == await seals.last_number(conn, drop_id)
    return SealEvidence(
        *(stored.seal, stored.key, split(stored.leaves), stored.claims, claims),
        before=await seals.hash_of(conn, drop_id, number - 1),
        is_last=is_last and await conn.scalar(is_closed) is not None,
    )


async def merged_names(conn: AsyncConnection) -> dict[str, set[str]]:
    """Return account -> the accounts that were merged into it, also by way of others."""
    query = select(acts.c.subject, acts.c.detail).where(
        acts.c.action == Action.STUDENT_MERGED.value
    )
    names: defaultdict[str, set[str]] = defaultdict(set)
    for student, detail in await conn.execute(query.order_by(acts.c.id)):
        into = str(detail["into"])
        names[into] |= {student, *names[student]}
    return dict(names)
