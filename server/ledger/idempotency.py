"""Which creating POST made which thing, for a day: the same key again finds it (promise I4).

Called by flows, in the transaction that creates, so that only successes are kept. Scoped to
(subject, path).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import ColumnElement, Dialect, and_, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from server.ledger.bulk import insert_into
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
class StoredKey:
    """What stands under a key: the caller's own thing, or an earlier one."""

    resource_id: str
    body_hash: str


async def store(
    conn: AsyncConnection, key: IdempotencyKey, resource_id: str, now: int
) -> StoredKey:
    """Writes the key down for this thing unless it stands for one already. Of two transactions with
    one key the second waits for the first and then finds its thing.
    """
    asked = _columns(key, resource_id, now) | {"forgotten": now - KEPT_MS}
    if (await conn.execute(_mine(conn.dialect), asked)).first() is not None:
        return StoredKey(resource_id, key.body_hash)
    found = await conn.execute(select(_rows.resource_id, _rows.body_hash).where(_is(key)))
    return StoredKey(*found.one())


@lru_cache(maxsize=8)
def _mine(dialect: Dialect) -> ReturningInsert[str]:
    """Written before it is looked for: only the constraint sees what others have not committed. In one
    statement, made once: each counts between a teacher's press and the card."""
    fresh = insert_into(dialect, idempotency_keys)
    return fresh.on_conflict_do_update(
        index_elements=[_rows.subject, _rows.path, _rows.key],
        set_={name: fresh.excluded[name] for name in ("body_hash", "resource_id", "created_at")},
        where=_rows.created_at <= bindparam("forgotten"),  # forgotten, if not deleted yet
    ).returning(_rows.resource_id)


async def delete_expired(conn: AsyncConnection, now: int) -> int:
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
