"""One row for each desk shard: the lock between those who write claims and those who rebuild a desk.

Called by flows/record_claims.py and flows/end_drop.py (shared), flows/mend_claims.py and
flows/rebuild_desk.py (exclusively). What a rebuild reads is then everything that was ever committed, and
nothing slips in behind its back.
"""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import desks


async def hold_shared(conn: AsyncConnection, shards: Collection[int]) -> None:
    """Until the transaction ends no rebuild of these reads; other writers go on. On SQLite there is
    one writer anyway."""
    rows = select(desks.c.shard).where(desks.c.shard.in_(shards)).order_by(desks.c.shard)
    await conn.execute(rows.with_for_update(read=True))


async def hold_exclusively(conn: AsyncConnection, shard: int) -> None:
    """Until the transaction ends nobody else writes claims of this shard."""
    row = select(desks.c.shard).where(desks.c.shard == shard)
    await conn.execute(row.with_for_update())


async def epoch_of(conn: AsyncConnection, shard: int) -> int:
    """How often this shard has been rebuilt. Read under `hold_shared` it cannot change any more."""
    query = select(desks.c.epoch).where(desks.c.shard == shard)
    return int((await conn.execute(query)).scalar_one())


async def raise_epoch(conn: AsyncConnection, shard: int, now: int) -> int:
    """Holds the shard exclusively until the transaction ends; its new epoch."""
    row = update(desks).where(desks.c.shard == shard)
    raised = row.values(epoch=desks.c.epoch + 1, rebuilt_at=now).returning(desks.c.epoch)
    return int((await conn.execute(raised)).scalar_one())
