"""Shard locks: one row for each desk shard, locked by writers of claims and by rebuilds of a desk.

The flows that write down what a desk has done lock it shared (flows/drops/claims/persist_claims.py and
others); flows/drops/claims/reassign_claims.py and flows/consistency/rebuild/rebuild_desk.py lock it
exclusively. A rebuild therefore reads every claim that was ever committed, and no claim is committed while it
reads.

Lock order: the shard's row is locked before the rows of drops, claims and coupons.
"""

from collections.abc import Collection

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import desks


async def lock_shard_shared(conn: AsyncConnection, shards: Collection[int]) -> None:
    """Lock these shards against a rebuild until the transaction ends; other writers go on.

    SQLite needs no lock: its write transactions run one at a time.
    """
    if conn.dialect.name == "sqlite":
        return
    rows = select(desks.c.shard).where(desks.c.shard.in_(shards)).order_by(desks.c.shard)
    await conn.execute(rows.with_for_update(read=True))


async def lock_shard_exclusively(conn: AsyncConnection, shard: int) -> None:
    """Lock this shard until the transaction ends: no other transaction writes claims of it."""
    row = select(desks.c.shard).where(desks.c.shard == shard)
    await conn.execute(row.with_for_update())


async def is_loaded_since(conn: AsyncConnection, shard: int, epoch: int) -> bool:
    """Return whether a desk newer than `epoch` was loaded; lock the shard's row shared until the
    transaction ends.

    If False, no rebuild reads the ledger before this transaction ends, so whatever it writes is part of
    the next desk.
    """
    return int((await conn.execute(_KEPT_EPOCH, {"of": shard})).scalar_one()) > epoch


async def raise_epoch(conn: AsyncConnection, shard: int, now: int) -> int:
    """Raise the shard's epoch by one and return it.

    Call it in a transaction of its own, before anything is loaded. A rebuild that dies after it armed
    the desk then leaves a desk whose epoch the ledger knows.
    """
    row = update(desks).where(desks.c.shard == shard)
    raised = row.values(epoch=desks.c.epoch + 1, rebuilt_at=now).returning(desks.c.epoch)
    return int((await conn.execute(raised)).scalar_one())


_KEPT_EPOCH = (
    select(desks.c.epoch).where(desks.c.shard == bindparam("of")).with_for_update(read=True)
)
