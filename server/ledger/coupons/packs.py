"""Packs as rows.

Called by flows/coupons/packs.py, and by the flow that issues them.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.packs import Pack, PackItem, Variant
from server.ledger.tables import packs


async def insert_pack(conn: AsyncConnection, pack: Pack) -> None:
    values = {
        "id": pack.id,
        "name": pack.name,
        "items": [asdict(item) for item in pack.items],
        "variants": [asdict(variant) for variant in pack.variants],
        "metadata": dict(pack.metadata),
        "created_by": pack.created_by,
        "created_at": pack.created_at,
    }
    await conn.execute(insert(packs).values(values))


async def find(conn: AsyncConnection, pack_id: str) -> Pack | None:
    row = (await conn.execute(select(packs).where(packs.c.id == pack_id))).first()
    return _pack(row) if row else None


async def page(conn: AsyncConnection, after: str | None, limit: int) -> list[Pack]:
    """Return a page of packs, newest first, that begins after the pack with the id `after`."""
    query = select(packs)
    if after is not None:
        query = query.where(packs.c.id < after)
    return [
        _pack(row) for row in await conn.execute(query.order_by(packs.c.id.desc()).limit(limit))
    ]


def _pack(row: Row[Any]) -> Pack:
    fields = row._mapping
    return Pack(
        id=fields["id"],
        name=fields["name"],
        items=tuple(PackItem(**item) for item in fields["items"]),
        variants=tuple(Variant(**variant) for variant in fields["variants"]),
        created_by=fields["created_by"],
        created_at=fields["created_at"],
        metadata=fields["metadata"],
    )
