"""Reads where a student can get coupons now: open drops of rooms, and links that are shown as prompts.

Called by flows/offers/ways.py. Bounded: the newest of each, by an index.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.ids import DropId
from server.ledger.tables import drops, links


class PromptLink(NamedTuple):
    """The drop of a link, and the link's name in its address."""

    drop_id: DropId
    slug: str


async def open_drops(
    conn: AsyncConnection, rooms: Collection[str], now: int, limit: int
) -> list[DropId]:
    """Return the ids of drops of these rooms that take claims now, or within minutes, the newest first; no
    rehearsals.
    """
    query = (
        select(drops.c.id)
        .where(
            drops.c.state == DropState.OPEN.value,
            drops.c.closes_at > now,
            drops.c.room.in_(sorted(rooms)),
            drops.c.rehearsal.is_(False),
        )
        .order_by(drops.c.id.desc())
        .limit(limit)
    )
    return [DropId(one) for one in await conn.scalars(query)]


async def prompt_links(conn: AsyncConnection, now: int, limit: int) -> list[PromptLink]:
    """Return the links that are prompts, are not paused, and take claims now; the newest first."""
    query = (
        select(links.c.drop_id, links.c.slug)
        .join(drops, drops.c.id == links.c.drop_id)
        .where(
            links.c.prompt.is_(True),
            links.c.opens_at <= now,
            links.c.closes_at > now,
            links.c.paused_from.is_(None),
            drops.c.state == DropState.OPEN.value,
        )
        .order_by(links.c.id.desc())
        .limit(limit)
    )
    return [PromptLink(DropId(row[0]), row[1]) for row in await conn.execute(query)]
