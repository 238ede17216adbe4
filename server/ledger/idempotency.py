"""Which creating POST made which thing, for a day: the same key again finds it (promise I4).

Called by flows, in the transaction that creates, so that only successes are kept. Scoped to
(subject, path).
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import idempotency_keys

KEPT_MS: Final = 24 * 3600 * 1000

_rows = idempotency_keys.c


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """`key` is the header's text, `body_hash` tells whether it came with the same body."""

    subject: str
    path: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands under a key: the caller's own thing, or an earlier one."""

    resource_id: str
    body_hash: str


async def keep(conn: AsyncConnection, key: IdempotencyKey, resource_id: str, now: int) -> Kept:
    """Writes the key down for this thing unless it stands for one already. Of two transactions with
    one key the second waits for the first and then finds its thing.
    """
    await conn.execute(delete(idempotency_keys).where(_is(key), _rows.created_at <= now - KEPT_MS))
    try:
        # Before the look, not after it: only the constraint sees what others have not committed.
        async with conn.begin_nested():
            await conn.execute(insert(idempotency_keys).values(_columns(key, resource_id, now)))
    except IntegrityError:
        found = await conn.execute(select(_rows.resource_id, _rows.body_hash).where(_is(key)))
        return Kept(*found.one())
    return Kept(resource_id, key.body_hash)


async def forget_old(conn: AsyncConnection, now: int) -> int:
    """How many there were."""
    gone = await conn.execute(delete(idempotency_keys).where(_rows.created_at <= now - KEPT_MS))
    return gone.rowcount


def _is(key: IdempotencyKey) -> ColumnElement[bool]:
    return and_(_rows.subject == key.subject, _rows.path == key.path, _rows.key == key.key)


def _columns(key: IdempotencyKey, resource_id: str, now: int) -> dict[str, object]:
    return {
        "subject": key.subject,
        "path": key.path,
        "key": key.key,
        "body_hash": key.body_hash,
        "resource_id": resource_id,
        "created_at": now,
    }
