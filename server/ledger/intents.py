"""Intents: what the desk still has to be told, written in the transaction that decided it.

Called by the flows that change drops or end holds, and by the worker that drives what somebody left behind.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import intents

_LONGEST_ERROR: Final = 500


class IntentKind(StrEnum):
    OPEN = "open"
    TOP_UP = "top_up"
    EXTEND = "extend"
    CLOSE = "close"
    RELEASE = "release"
    MOVE_HOLD = "move_hold"


@dataclass(frozen=True, slots=True)
class Intent:
    """`payload` by kind: top_up {"allotment_id"}, extend {"ms", "expected_closes_at"}, release
    {"claims": [[claim id, student, coupon id]…]}, move_hold {"coupons": [coupon id…]}."""

    id: str
    kind: IntentKind
    drop_id: str
    created_at: int
    payload: Mapping[str, object]
    attempts: int = 0


async def write(conn: AsyncConnection, intent: Intent) -> None:
    columns: dict[str, object] = {"id": intent.id, "kind": intent.kind.value}
    columns |= {"drop_id": intent.drop_id, "created_at": intent.created_at}
    await conn.execute(_ADDED, {**columns, "payload": dict(intent.payload)})


async def pending(conn: AsyncConnection, before: int, limit: int) -> list[Intent]:
    """Those written until `before` and not done; those tried least come first, so that one that
    cannot be done keeps no other waiting.
    """
    query = (
        select(intents)
        .where(intents.c.done_at.is_(None), intents.c.created_at <= before)
        .order_by(intents.c.attempts, intents.c.created_at, intents.c.id)
        .limit(limit)
    )
    return [_intent(row) for row in (await conn.execute(query)).mappings()]


async def pending_of(conn: AsyncConnection, drop_id: str) -> list[Intent]:
    """In the order in which they were written."""
    query = select(intents).where(intents.c.drop_id == drop_id, intents.c.done_at.is_(None))
    rows = (await conn.execute(query.order_by(intents.c.created_at, intents.c.id))).mappings()
    return [_intent(row) for row in rows]


async def pending_among(conn: AsyncConnection, drop_ids: Collection[str]) -> set[str]:
    """Those of these drops that the desk has not been told everything of."""
    query = select(intents.c.drop_id).where(
        intents.c.done_at.is_(None), intents.c.drop_id.in_(drop_ids)
    )
    return set(await conn.scalars(query))


async def finish(conn: AsyncConnection, intent_id: str, now: int) -> bool:
    """False: somebody else has finished it; what goes with it was done in their transaction."""
    done = await conn.execute(_FINISHED, {"of": intent_id, "done_at": now})
    return done.rowcount == 1


async def count_attempt(conn: AsyncConnection, intent_id: str) -> None:
    await conn.execute(
        update(intents).where(intents.c.id == intent_id).values(attempts=intents.c.attempts + 1)
    )


async def note_error(conn: AsyncConnection, intent_id: str, error: str) -> None:
    await conn.execute(
        update(intents).where(intents.c.id == intent_id).values(last_error=error[:_LONGEST_ERROR])
    )


# Made once: each counts between a teacher's press and the card.
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
