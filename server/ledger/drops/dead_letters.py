"""Dead letters: outbox entries that no transaction will ever take, because a constraint refuses them.

Inserted by flows/drops/claims/reassign_claims.py. Read by the rebuild, by doctor and by its repair, which
deletes a letter once its claim is restored. A dead letter keeps its unit and its slots: its student was told
`won`.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import ClaimId
from server.ledger.bulk import insert_unless_there
from server.ledger.tables import dead_letters


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An outbox entry that was set aside. `entry` has the fields of `OutboxEntry`; `error` says why."""

    claim_id: ClaimId
    shard: int
    entry_id: str
    entry: dict[str, object]
    error: str
    created_at: int


async def insert(conn: AsyncConnection, letter: DeadLetter) -> None:
    """Insert the letter. Idempotent: a claim that has its letter keeps it."""
    statement = insert_unless_there(conn.dialect, dead_letters, "claim_id")
    await conn.execute(statement.values({name: getattr(letter, name) for name in _COLUMNS}))


async def find_all(conn: AsyncConnection, shard: int | None = None) -> list[DeadLetter]:
    """Return the letters of this shard, or of all shards; oldest first."""
    query = select(*(dead_letters.c[name] for name in _COLUMNS))
    if shard is not None:
        query = query.where(dead_letters.c.shard == shard)
    rows = await conn.execute(query.order_by(dead_letters.c.created_at, dead_letters.c.claim_id))
    return [DeadLetter(**row) for row in rows.mappings()]


async def delete(conn: AsyncConnection, claim_id: str) -> bool:
    """Delete the claim's letter. False: there is none (any more)."""
    gone = await conn.execute(dead_letters.delete().where(dead_letters.c.claim_id == claim_id))
    return gone.rowcount == 1


_COLUMNS = ("claim_id", "shard", "entry_id", "entry", "error", "created_at")
