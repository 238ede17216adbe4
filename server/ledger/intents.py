"""Intents: changes that the desk still has to be told, inserted in the transaction that decided them.

Called by the flows that change drops or end holds, and by the worker, which carries out intents whose process
has died.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger import deferred
from server.ledger.tables import intents

_LONGEST_ERROR: Final = 500  # characters


class IntentKind(StrEnum):
    OPEN = "open"
    TOP_UP = "top_up"
    EXTEND = "extend"
    CLOSE = "close"
    REOPEN = "reopen"
    RELEASE = "release"
    MOVE_HOLD = "move_hold"
    MOVE_WINDOW = "move_window"
    MOVE_LIMIT = "move_limit"


@dataclass(frozen=True, slots=True)
class Intent:
    """`payload` by kind: top_up {"allotment_id"}, extend {"ms", "expected_closes_at"}, release
    {"claims": [[claim id, student, coupon id]…]}, move_hold {"coupons": [coupon id…]}, close and reopen
    {"openings"}."""

    id: str
    kind: IntentKind
    drop_id: str
    created_at: int
    payload: Mapping[str, object]
    attempts: int = 0


async def write(conn: AsyncConnection, intent: Intent) -> None:
    """Insert the intent at the end of the transaction that decided it."""
    columns: dict[str, object] = {"id": intent.id, "kind": intent.kind.value}
    columns |= {"drop_id": intent.drop_id, "created_at": intent.created_at}
    await deferred.later(conn, _ADDED.values({**columns, "payload": dict(intent.payload)}))


async def pending(conn: AsyncConnection, before: int, limit: int) -> list[Intent]:
    """Return intents that were written until `before` (ms) and are not done.

    Those with the fewest attempts come first, so that an intent that always fails does not block the others.
    """
    query = (
        select(intents)
        .where(intents.c.done_at.is_(None), intents.c.created_at <= before)
        .order_by(intents.c.attempts, intents.c.created_at, intents.c.id)
        .limit(limit)
    )
    return [_intent(row) for row in (await conn.execute(query)).mappings()]


async def pending_of(conn: AsyncConnection, drop_id: str) -> list[Intent]:
    """Return the drop's intents that are not done, in the order in which they were written."""
    query = select(intents).where(intents.c.drop_id == drop_id, intents.c.done_at.is_(None))
    rows = (await conn.execute(query.order_by(intents.c.created_at, intents.c.id))).mappings()
    return [_intent(row) for row in rows]


async def pending_among(conn: AsyncConnection, drop_ids: Collection[str]) -> set[str]:
    """Return those of these drops that have an intent that is not done."""
    query = select(intents.c.drop_id).where(
        intents.c.done_at.is_(None), intents.c.drop_id.in_(drop_ids)
    )
    return set(await conn.scalars(query))


async def finish(conn: AsyncConnection, intent_id: str, now: int) -> bool:
    """Mark the intent as done, in the transaction that writes its result.

    False: another process has finished it, and that process's transaction wrote the result.
    """
    done = await conn.execute(_FINISHED, {"of": intent_id, "done_at": now})
    return done.rowcount == 1


async def finish_later(conn: AsyncConnection, intent_id: str, now: int) -> None:
    """Mark the intent as done at the end of the transaction, whether or not another process has."""
    done = update(intents).where(intents.c.id == intent_id, intents.c.done_at.is_(None))
    await deferred.later(conn, done.values(done_at=now))


async def count_attempt(conn: AsyncConnection, intent_id: str) -> None:
    """Count one more attempt. Call it in a transaction of its own, before the attempt."""
    await conn.execute(
        update(intents).where(intents.c.id == intent_id).values(attempts=intents.c.attempts + 1)
    )


async def note_error(conn: AsyncConnection, intent_id: str, error: str) -> None:
    """Store the error of the last attempt, for doctor."""
    await conn.execute(
        update(intents).where(intents.c.id == intent_id).values(last_error=error[:_LONGEST_ERROR])
    )


# Built once: these run between the teacher's click and the students' card.
_ADDED = insert(intents)
_FINISHED = update(intents).where(intents.c.id == bindparam("of"), intents.c.done_at.is_(None))


def _intent(row: RowMapping) -> Intent:
    return Intent(
        id=row["id"],
        kind=IntentKind(row["kind"]),
        drop_id=row["drop_id"],
        created_at=row["created_at"],
        payload=row["payload"],
        attempts=row["attempts"],
    )
