"""Links as rows.

Called by the flows of links. What a link has in common with every drop, its units and its end, lies in the
row of its drop.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drops import DropState
from server.core.links.links import Link
from server.ledger.tables import drops, links


async def insert_link(conn: AsyncConnection, link: Link) -> None:
    values = {column.name: getattr(link, column.name) for column in links.columns}
    await conn.execute(insert(links).values({**values, "metadata": dict(link.metadata)}))


async def find(conn: AsyncConnection, id_or_slug: str) -> Link | None:
    """Return the link with this id, or with this slug."""
    named = links.c.id if id_or_slug.startswith("lnk_") else links.c.slug
    row = (await conn.execute(select(links).where(named == id_or_slug))).first()
    return _link(row) if row else None


async def page_of_batch(
    conn: AsyncConnection, batch_id: str, limit: int, after: str | None
) -> list[Link]:
    """Return a page of the batch's links, newest first, that begins after the link `after`."""
    query = select(links).where(links.c.batch_id == batch_id)
    if after is not None:
        query = query.where(links.c.id < after)
    rows = await conn.execute(query.order_by(links.c.id.desc()).limit(limit))
    return [_link(row) for row in rows]


async def change(conn: AsyncConnection, link: Link) -> None:
    """Write what an operator can change. The caller has locked the row of its drop."""
    await conn.execute(
        update(links)
        .where(links.c.id == link.id)
        .values(
            note=link.note,
            closes_at=link.closes_at,
            paused_from=link.paused_from,
            prompt=link.prompt,
        )
    )


async def watched(conn: AsyncConnection, closed_after: int, limit: int) -> list[Link]:
    """Return links that are open or ended after `closed_after` (ms), newest first."""
    is_watched = (drops.c.state == DropState.OPEN.value) | (drops.c.closed_at > closed_after)
    query = select(links).join(drops, drops.c.id == links.c.drop_id).where(is_watched)
    rows = await conn.execute(query.order_by(links.c.id.desc()).limit(limit))
    return [_link(row) for row in rows]


async def write_opened(conn: AsyncConnection, counts: Sequence[tuple[str, int]]) -> None:
    """Raise the number of visitors of each link to this one; a smaller number changes nothing."""
    if counts:
        await conn.execute(_OPENED, [{"of": link_id, "most": count} for link_id, count in counts])


_OPENED = (
    update(links)
    .where(links.c.id == bindparam("of"), links.c.opened < bindparam("most"))
    .values(opened=bindparam("most"))
)


def _link(row: Row[Any]) -> Link:
    return Link(**row._mapping)
