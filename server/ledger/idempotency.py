"""Idempotency keys: which POST created which resource, kept for a day (promise I4).

Called by flows in the transaction that creates the resource, so that only successes are stored. A key is
scoped to (subject, path).
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
    """The key of a request. `key` is the header's text; `body_hash` tells whether the body is the same."""

    subject: str
    path: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The resource that is stored under a key: the caller's new one, or an earlier one."""

    resource_id: str
    body_hash: str


async def store(
    conn: AsyncConnection, key: IdempotencyKey, resource_id: str, now: int
) -> StoredKey:
    """Store the key for this resource, unless it is stored for another one; return what is stored.

    Of two transactions with one key, the second waits until the first ends and then finds its resource.
    """
    parameters = _columns(key, resource_id, now) | {"forgotten": now - KEPT_MS}
    if (
        await conn.execute(_insert_or_replace_expired(conn.dialect), parameters)
    ).first() is not None:
        return StoredKey(resource_id, key.body_hash)
    found = await conn.execute(select(_rows.resource_id, _rows.body_hash).where(_is(key)))
    return StoredKey(*found.one())


@lru_cache(maxsize=8)
def _insert_or_replace_expired(dialect: Dialect) -> ReturningInsert[str]:
    """Return the statement that inserts the key or replaces an expired one.

    Insert before any read: only the constraint sees what another transaction has not committed. One
    statement, built once, because it runs between the teacher's click and the students' card.
    """
    fresh = insert_into(dialect, idempotency_keys)
    return fresh.on_conflict_do_update(
        index_elements=[_rows.subject, _rows.path, _rows.key],
        set_={name: fresh.excluded[name] for name in ("body_hash", "resource_id", "created_at")},
        where=_rows.created_at <= bindparam("forgotten"),  # expired, but not deleted yet
    ).returning(_rows.resource_id)


async def find(conn: AsyncConnection, key: IdempotencyKey, now: int) -> StoredKey | None:
    """Return what is stored under the key: for a flow that has much to do before its transaction."""
    query = select(_rows.resource_id, _rows.body_hash)
    found = await conn.execute(query.where(_is(key), _rows.created_at > now - KEPT_MS))
    row = found.first()
    return StoredKey(*row) if row else None


async def delete_expired(conn: AsyncConnection, now: int) -> int:
    """Delete the expired keys; return how many."""
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
