"""Webhooks as rows: made and changed by operators, led on by the worker that has their lease.

Called by the flows of webhooks inside their transactions. A lease is a time in the row: the worker that has
it writes only while it is its own, so a worker that was frozen for too long changes nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.events.webhooks import Webhook, WebhookState
from server.ledger.tables import webhook_replays, webhooks

_W = webhooks.c
_FIELDS = tuple(Webhook.__dataclass_fields__)


async def insert_webhook(conn: AsyncConnection, webhook: Webhook) -> None:
    """Insert the webhook."""
    row = {name: getattr(webhook, name) for name in _FIELDS}
    row |= {"state": webhook.state.value, "metadata": dict(webhook.metadata)}
    row["types"] = None if webhook.types is None else list(webhook.types)
    await conn.execute(insert(webhooks).values(row))


async def count(conn: AsyncConnection) -> int:
    return int((await conn.execute(select(func.count()).select_from(webhooks))).scalar_one())


async def find(
    conn: AsyncConnection, webhook_id: str, *, for_update: bool = False
) -> Webhook | None:
    """Return the webhook. `for_update` locks its row until the transaction ends."""
    query = select(webhooks).where(_W.id == webhook_id)
    row = (await conn.execute(query.with_for_update() if for_update else query)).mappings().first()
    return _webhook(row) if row else None


async def page(conn: AsyncConnection, limit: int, after: str | None) -> list[Webhook]:
    """Return a page of webhooks, newest first, that begins after the webhook `after`."""
    query = select(webhooks).order_by(_W.id.desc()).limit(limit)
    if after is not None:
        query = query.where(_W.id < after)
    return [_webhook(row) for row in (await conn.execute(query)).mappings()]


async def change(conn: AsyncConnection, webhook_id: str, columns: Mapping[str, object]) -> None:
    """Write these columns, whoever has the lease: an operator's change, read by the worker before each
    call."""
    await conn.execute(update(webhooks).where(_W.id == webhook_id).values(dict(columns)))


async def remove(conn: AsyncConnection, webhook_id: str) -> bool:
    """Delete the webhook with its replays; False: there is none. Its deliveries leave with their time."""
    await conn.execute(delete(webhook_replays).where(webhook_replays.c.webhook_id == webhook_id))
    gone = await conn.execute(delete(webhooks).where(_W.id == webhook_id))
    return gone.rowcount == 1


async def take_leases(conn: AsyncConnection, owner: str, now: int, until: int) -> list[str]:
    """Take every active webhook that nobody sends to, and return their ids."""
    is_free = or_(_W.lease_owner.is_(None), _W.lease_until <= now)
    taken = await conn.execute(
        update(webhooks)
        .where(_W.state == WebhookState.ACTIVE.value, is_free)
        .values(lease_owner=owner, lease_until=until)
        .returning(_W.id)
    )
    return sorted(taken.scalars())


async def has_free(conn: AsyncConnection, now: int, besides: Collection[str] = ()) -> bool:
    """Return whether there is an active webhook that nobody sends to, besides these."""
    is_free = or_(_W.lease_owner.is_(None), _W.lease_until <= now)
    query = select(_W.id).where(
        _W.state == WebhookState.ACTIVE.value, is_free, _W.id.not_in(besides)
    )
    return (await conn.execute(query.limit(1))).first() is not None


async def write_as_owner(
    conn: AsyncConnection, webhook_id: str, owner: str, columns: Mapping[str, object]
) -> bool:
    """Write these columns if this owner still has the lease; False: it has it no more."""
    mine = and_(_W.id == webhook_id, _W.lease_owner == owner)
    written = await conn.execute(update(webhooks).where(mine).values(dict(columns)))
    return written.rowcount == 1


async def lease_of(conn: AsyncConnection, webhook_id: str, owner: str) -> int | None:
    """Return until when (ms) this owner has the lease, None where it has it not."""
    query = select(_W.lease_until).where(_W.id == webhook_id, _W.lease_owner == owner)
    return (await conn.execute(query)).scalar_one_or_none()


async def paused_before(conn: AsyncConnection, before: int) -> list[str]:
    """Return the webhooks that have been paused since before this time (ms)."""
    query = select(_W.id).where(
        _W.state == WebhookState.PAUSED.value, _W.paused_at.is_not(None), _W.paused_at < before
    )
    return list(await conn.scalars(query))


async def states(conn: AsyncConnection) -> list[tuple[str, int]]:
    """Return state and position of every webhook."""
    return [(state, at) for state, at in await conn.execute(select(_W.state, _W.position))]


def _webhook(row: RowMapping) -> Webhook:
    fields: dict[str, Any] = {name: row[name] for name in _FIELDS}
    fields["state"] = WebhookState(row["state"])
    fields["types"] = None if row["types"] is None else tuple(row["types"])
    return Webhook(**fields)
