"""Rebuild a desk shard that may have lost its newest data, from the ledger.

Called by the worker for every shard whose fence is shut: after a restart or failover of Redis, a restored
copy, a flush, or when a claim conflicted. Order, and why:

1. take the lease: one process rebuilds at a time. It shuts the fence, so no script writes the shard;
2. drain the outbox into the ledger: every student who was told `won` is in one of the two;
3. raise the epoch: a process that is about to write down a result of the old desk finds that it is replaced;
4. lock the shard exclusively, read everything from the ledger, and load it, in one transaction;
5. publish the drops to their rooms: the feed may be lost, or older, too;
6. arm the fence last, for the Redis process that was loaded, with the new epoch.

If the process dies anywhere in between, the fence stays shut and the lease expires: the next rebuild starts
from the beginning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.drops.drop_ends import last_moment
from server.desk.claims.caps import CapName, load_name
from server.desk.claims.outbox import Outbox, OutboxEntry
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import FeedKind
from server.desk.shards.fence import Fence, LeaseLostError
from server.flows.consistency.rebuild.drop_to_load import dead_letters_by_drop, read_drop_to_load
from server.flows.coupons.load_caps import caps_of, load_caps_for_rebuild
from server.flows.draws.take_entries import rows_of
from server.flows.drops.claims.persist_claims import AT_ONCE, ClaimPersister
from server.flows.drops.views.room_drops import room_drop
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.draws import entries
from server.ledger.drops import claims, draws, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import stops
from server.ledger.statement_limits import allow_time
from server.ledger.tasks import passes

CLOSED_KEPT_MS = 24 * 3600 * 1000  # as long as close.lua keeps a closed drop
CAPS_KEPT_MS = 24 * 3600 * 1000  # as long as caps.lua keeps the caps of a drop that is over
# Limits of a rebuild's transaction. It reads in pages, so a statement that takes longer is stuck. Between two
# pages it writes to Redis, and is idle in the database for longer than other transactions may be.
STATEMENT_SECONDS = 8.0
IDLE_SECONDS = 60.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeskRebuilder:
    """A rebuilder of desk shards. Many processes may have one: the lease lets one work on a shard."""

    ledger: Ledger
    fence: Fence
    feed: Feed
    outbox: Outbox
    persister: ClaimPersister

    async def in_order(self, shards: Sequence[int]) -> list[int]:
        """Return these shards, those with open drops first: students may be waiting for them.

        LedgerUnavailableError is passed on.
        """
        async with self.ledger.read() as conn:
            with_open_drops = await drops.shards_with_open(conn)
        return sorted(shards, key=lambda shard: shard not in with_open_drops)

    async def rebuild(self, shard: int, now: int, *, only_if_shut: bool = False) -> bool:
        """Rebuild the shard; False where another process has the lease, or loses it to one meanwhile.

        `only_if_shut` returns False also for a shard whose fence is armed by now. DeskUnavailableError and
        LedgerUnavailableError are passed on: the fence stays shut.
        """
        run_id = await self.fence.take_lease(shard, only_if_shut=only_if_shut)
        if run_id is None:
            return False
        try:
            await self._drain(shard, now)
            drops_loaded = await self._load(shard, run_id, now)
        except LeaseLostError:
            return False
        _log.debug("desk_rebuilt", shard=shard, drops=drops_loaded)
        return True

    async def _drain(self, shard: int, now: int) -> None:
        await self.outbox.make_group(shard)  # it may be lost with Redis
        entries = await self.outbox.read_all(shard)
        for start in range(0, len(entries), AT_ONCE):
            await self.persister.write(entries[start : start + AT_ONCE], now)
            # After an hour without the ledger, draining takes longer than the lease lasts: extend it.
            if await self.fence.take_lease(shard) is None:
                raise LeaseLostError
        await self._drain_draws(shard)

    async def _drain_draws(self, shard: int) -> None:
        """Write the entries of draws that only the desk has."""
        async with self.ledger.read() as conn:
            rows = await drops.find_all(conn, await draws.entering(conn, shard))
        for row in rows:
            known = await self.fence.read_entries(shard, row.id)
            async with self.ledger.begin() as conn:
                first = await entries.count(conn, row.id)
                new = [one for one in known if one.entry.number >= first]
                # A ledger that is older than the desk lacks some before these: they have no place then.
                if new and new[0].entry.number == first:
                    await entries.insert_new(conn, rows_of(row.id, new))

    async def _load(self, shard: int, run_id: str, now: int) -> int:
        """Do steps 3 to 6; return the number of drops that were loaded."""
        async with self.ledger.begin() as conn:
            # Committed before anything is loaded: if this process dies after it armed the desk, the ledger
            # still knows the epoch of that desk.
            epoch = await desks.raise_epoch(conn, shard, now)
        load = load_name(epoch, run_id)
        async with self.ledger.begin() as conn:
            await allow_time(conn, STATEMENT_SECONDS, IDLE_SECONDS)
            await desks.lock_shard_exclusively(conn, shard)
            dead = await dead_letters_by_drop(conn, shard)
            ids = await claims.drops_on_desk(conn, shard, now - CLOSED_KEPT_MS)
            rows = await drops.find_all(conn, ids)
            await passes.forget_told(conn, [row.id for row in rows if row.task is not None])
            for row in rows:
                drop = await read_drop_to_load(conn, row, dead[row.id])
                await self.fence.load_drop(shard, drop)
            letters = chain.from_iterable(dead.values())
            await self._load_caps(conn, shard, rows, letters, load, now)
            await self.fence.load_stops(shard, *await stops.stopped_claims(conn))
            for row in rows:
                await self._publish(conn, row, f"{run_id}.{epoch}")
            await self.fence.arm(shard, run_id, epoch, load)
        return len(rows)

    async def _load_caps(
        self,
        conn: AsyncConnection,
        shard: int,
        rows: Sequence[DropRow],
        dead: Iterable[OutboxEntry],
        load: str,
        now: int,
    ) -> None:
        """Load the caps of batches and campaigns from which students can claim as soon as the desk is armed.

        Openings are included: they may have reached the lost desk, and the room.
        """
        kept_until: dict[tuple[CapName, str], int] = {}
        for row in rows:
            if row.closed_at is not None:
                continue  # nobody can claim from it
            batch, template = await batch_and_template(conn, row.batch_id)
            if row.rehearsal:
                continue  # it counts no slots
            opens_at = now + row.opens_in_seconds * 1000
            lasts_until = last_moment(row.end, opens_at, batch, template)
            until = max(now, row.closes_at or lasts_until) + CAPS_KEPT_MS
            for cap in caps_of(batch):
                key = (cap.name, cap.id)
                kept_until[key] = max(kept_until.get(key, 0), until)
        await load_caps_for_rebuild(conn, self.fence, shard, list(dead), kept_until, load)

    async def _publish(self, conn: AsyncConnection, row: DropRow, rebuild_id: str) -> None:
        """Publish an open drop again. A closed drop is corrected only in a room whose feed is older than the
        close, and therefore shows it as open.
        """
        if row.window is None:
            return
        batch, template = await batch_and_template(conn, row.batch_id)
        drop = room_drop(row, template, batch)
        if row.closed_at is None:
            await self.feed.publish(f"{rebuild_id}.{row.id}", FeedKind.CHANGED, drop)
        else:
            await self.feed.correct(f"{rebuild_id}.{row.id}", drop)
