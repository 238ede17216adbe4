"""One row for each desk shard: the lock between those who write claims and those who rebuild a desk.

Called by flows/drops/persist_claims.py and the flows that write down what a desk has done (shared), by
flows/drops/reassign_claims.py and flows/consistency/rebuild_desk.py (exclusively).
What a rebuild reads is then everything that was ever committed, and nothing slips in behind its back.
"""

from collections.abc import Collection

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import desks


async def hold_shared(conn: AsyncConnection, shards: Collection[int]) -> None:
    """Until the transaction ends no rebuild of these reads; other writers go on. On SQLite there is
    one writer anyway, and nothing is asked."""
    if conn.dialect.name == "sqlite":
        return
    rows = select(desks.c.shard).where(desks.c.shard.in_(shards)).order_by(desks.c.shard)
    await conn.execute(rows.with_for_update(read=True))


async def hold_exclusively(conn: AsyncConnection, shard: int) -> None:
    """Until the transaction ends nobody else writes claims of this shard."""
    row = select(desks.c.shard).where(desks.c.shard == shard)
    await conn.execute(row.with_for_update())


async def is_loaded_since(conn: AsyncConnection, shard: int, epoch: int) -> bool:
    """Whether the desk of `epoch` is gone. Where it is not, no rebuild reads the ledger until the
    transaction ends: what is written in it will be in the next desk."""
    return int((await conn.execute(_KEPT_EPOCH, {"of": shard})).scalar_one()) > epoch


async def raise_epoch(conn: AsyncConnection, shard: int, now: int) -> int:
    """The shard's new epoch. In a transaction of its own, before anything is loaded: where a rebuild
    dies after it armed the desk, that desk is known by it all the same."""
    row = update(desks).where(desks.c.shard == shard)
    raised = row.values(epoch=desks.c.epoch + 1, rebuilt_at=now).returning(desks.c.epoch)
    return int((await conn.execute(raised)).scalar_one())


_KEPT_EPOCH = (
    select(desks.c.epoch).where(desks.c.shard == bindparam("of")).with_for_update(read=True)
)
