"""Messages as rows: which are due, what they count, and what became of them.

Called by the flow that sends them and by the lists of students and operators. The rows are made by
ledger/message_queue.py.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import CouponState, use_by
from server.core.messages import WAITING, Channel, Message, MessageKind, MessageState
from server.ledger.bulk import is_among
from server.ledger.tables import coupons, messages

KEPT_MS: Final = 90 * 24 * 3600 * 1000
_rows = messages.c
_WAITING = [state.value for state in WAITING]
# Written out: SQLite uses a partial index only where the condition stands in the statement.
_IS_WAITING = text("messages.state IN ('queued','held')")
# Any number; all workers of an installation take this lock, and nothing else does.
_PICKING: Final = 0x636C_6D73


async def lock_picking(conn: AsyncConnection) -> None:
    """Let one transaction at a time decide what is sent: two that read the cap at once would both send.

    SQLite has one writer anyway.
    """
    if conn.dialect.name == "postgresql":
        await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PICKING})


async def due(conn: AsyncConnection, channel: Channel, now: int, limit: int) -> list[Message]:
    """Return messages whose time has come and that no worker is sending, longest waiting first."""
    query = select(*_MESSAGE).where(
        _rows.channel == channel.value,
        _IS_WAITING,
        _rows.not_before <= now,
        _rows.lease_until <= now,
    )
    found = await conn.execute(query.order_by(_rows.not_before).limit(limit))
    return [_message(row._mapping) for row in found]


async def has_due(conn: AsyncConnection, channels: Iterable[Channel], now: int) -> bool:
    """Return whether a message of one of these channels is due."""
    for channel in channels:
        if await due(conn, channel, now, 1):
            return True
    return False


async def counted_since(
    conn: AsyncConnection, students: Collection[str], since: int
) -> dict[str, dict[str, int]]:
    """Return student -> cap key -> when it began to count, of what counts since `since` (ms)."""
    query = (
        select(_rows.student, _rows.cap_key, func.min(_rows.counted_at))
        .where(is_among(conn, _rows.student, students), _rows.counted_at > since)
        .group_by(_rows.student, _rows.cap_key)
    )
    counted: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for student, cap_key, at in await conn.execute(query):
        counted[student][cap_key] = at
    return dict(counted)


async def coupon_states(
    conn: AsyncConnection, ids: Collection[str], now: int
) -> dict[str, CouponState]:
    """Return the state of each of these coupons at `now`; ids that do not exist are left out."""
    names = ("id", "state", "valid_until", "hold_until")
    query = select(*(coupons.c[name] for name in names)).where(is_among(conn, coupons.c.id, ids))
    return {row[0]: _seen(row, now) for row in await conn.execute(query)}


def _seen(row: Sequence[Any], now: int) -> CouponState:
    state = CouponState(row[1])
    is_over = state is CouponState.USABLE and now >= use_by(row[2], row[3])
    return CouponState.EXPIRED if is_over else state


async def settle(
    conn: AsyncConnection, ids: Collection[str], state: MessageState, reason: str | None
) -> None:
    """Give these waiting messages a final state other than `sent`. They count no more."""
    if ids:
        values = {"state": state.value, "reason": reason, "counted_at": None}
        await conn.execute(update(messages).where(_waiting(conn, ids)).values(values))


class HeldMessage(NamedTuple):
    """A message that waits: why, and when to look again (ms)."""

    id: str
    reason: str
    until: int


async def put_off(conn: AsyncConnection, held: Sequence[HeldMessage]) -> None:
    """Hold these messages back."""
    if held:
        await conn.execute(_HOLD, [{"of": one[0], "why": one[1], "to": one[2]} for one in held])


_HOLD = (
    update(messages)
    .where(_rows.id == bindparam("of"))
    .values(state=MessageState.HELD.value, reason=bindparam("why"), not_before=bindparam("to"))
)


async def lease(conn: AsyncConnection, ids: Collection[str], now: int, until: int) -> None:
    """Count these messages as sent from now on, and keep them from other workers until `until` (ms).

    Transactional messages do not count.
    """
    if ids:
        of_these = update(messages).where(_waiting(conn, ids))
        await conn.execute(of_these.values(lease_until=until, attempts=_rows.attempts + 1))
        counts = of_these.where(_rows.transactional.is_(False), _rows.counted_at.is_(None))
        await conn.execute(counts.values(counted_at=now))


async def mark_sent(conn: AsyncConnection, ids: Collection[str], now: int) -> None:
    """Write down that these messages were sent."""
    if ids:
        values = {"state": MessageState.SENT.value, "reason": None, "sent_at": now}
        await conn.execute(update(messages).where(_waiting(conn, ids)).values(values))


async def put_back(conn: AsyncConnection, message_id: str, reason: str, at: int) -> None:
    """Let a message that could not be sent wait until `at` (ms). Until then it does not count."""
    values = {
        "state": MessageState.QUEUED.value,
        "reason": reason,
        "not_before": at,
        "lease_until": 0,
        "counted_at": None,
    }
    await conn.execute(update(messages).where(_waiting(conn, [message_id])).values(values))


def _waiting(conn: AsyncConnection, ids: Collection[str]) -> Any:
    return is_among(conn, _rows.id, ids) & _rows.state.in_(_WAITING)


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """A list of messages: those with all values that are given, behind the message `after`."""

    student: str | None = None
    state: MessageState | None = None
    cause: str | None = None
    channel: Channel | None = None
    after: str | None = None


async def page(conn: AsyncConnection, wanted: MessageFilter, limit: int) -> list[Message]:
    """Return a page of messages, newest first."""
    query = select(*_MESSAGE)
    for column, value in (
        (_rows.student, wanted.student),
        (_rows.state, wanted.state),
        (_rows.cause, wanted.cause),
        (_rows.channel, wanted.channel),
    ):
        if value is not None:
            query = query.where(column == str(value))
    if wanted.after is not None:
        query = query.where(_rows.id < wanted.after)
    found = await conn.execute(query.order_by(_rows.id.desc()).limit(limit))
    return [_message(row._mapping) for row in found]


async def counts_of_cause(conn: AsyncConnection, cause: str) -> dict[MessageState, int]:
    """Return how many messages of one cause are in each state."""
    query = select(_rows.state, func.count()).where(_rows.cause == cause).group_by(_rows.state)
    return {MessageState(state): count for state, count in await conn.execute(query)}


async def delete_old(conn: AsyncConnection, now: int, limit: int) -> int:
    """Delete up to `limit` messages that were made more than KEPT_MS ago; return how many."""
    old = select(_rows.id).where(_rows.created_at <= now - KEPT_MS)
    some = old.order_by(_rows.created_at).limit(limit)
    return (await conn.execute(delete(messages).where(_rows.id.in_(some)))).rowcount


_STORED = (
    *("id", "cap_key", "student", "kind", "channel", "state", "text", "data", "created_at"),
    *("not_before", "expires_at", "transactional", "attempts", "coupon_id", "url", "cause"),
    *("reason", "sent_at"),
)
_MESSAGE = tuple(_rows[name] for name in _STORED)


def _message(row: Mapping[Any, Any]) -> Message:
    fields = dict(row)
    fields["is_transactional"] = bool(fields.pop("transactional"))
    return Message(
        **fields
        | {
            "kind": MessageKind(fields["kind"]),
            "channel": Channel(fields["channel"]),
            "state": MessageState(fields["state"]),
            "data": orjson.loads(fields["data"]),
        }
    )


def ids_of(found: Iterable[Message]) -> list[str]:
    """Return the ids of these messages."""
    return [each.id for each in found]
