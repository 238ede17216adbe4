"""Moves claims from the outbox to the ledger as fast as they come: none twice, none lost.

Called by `worker.py`; each lane of a worker has one. The order matters. First come the entries that this
consumer was given before and has not acknowledged (a cancelled read leaves such), then new ones. An entry is
acknowledged last. Entries of a worker that died are taken over by `take_over`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.claims.outbox import Outbox, OutboxEntry
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.observability.metrics import Metrics
from server.observability.tracing import Traces
from server.worker.cadence import Cadence


@dataclass(slots=True)
class ClaimsLoop:
    outbox: Outbox
    persister: ClaimPersister
    metrics: Metrics
    cadence: Cadence = field(default_factory=Cadence)
    traces: Traces | None = None
    is_leaving: bool = False
    _has_pending: bool = True  # entries may have been given to us and not been acknowledged
    _reading: asyncio.Task[list[OutboxEntry]] | None = None

    async def step(self) -> int:
        """Move one batch; wait at most `cadence.read_ms` for it. Return how many entries it had.

        Raises DeskUnavailableError and LedgerUnavailableError; the next step reads the same entries again.
        """
        pending = await self.outbox.read_own_pending() if self._has_pending else []
        stuck = await self._persist(pending)
        self._has_pending = True  # until it is known that all of it has been acknowledged
        if pending and stuck is None:
            return len(pending)
        is_stuck = stuck is not None
        wait_ms = self.cadence.read_while_stuck_ms if is_stuck else self.cadence.read_ms
        entries = await self._read(wait_ms)
        stuck = await self._persist(entries) or stuck
        if stuck is not None:
            raise stuck
        self._has_pending = False
        return len(entries)

    def leave(self) -> None:
        """Make the running step the last: it waits for no more claims, and ends with those that it has."""
        self.is_leaving = True
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, wait_ms: int) -> list[OutboxEntry]:
        """Read new entries. When leaving, return the entries that a cancelled read has left with us."""
        if not self.is_leaving:
            self._reading = asyncio.create_task(self.outbox.read(wait_ms))
            try:
                return await self._reading
            except asyncio.CancelledError:
                if not self.is_leaving or _is_cancelled():
                    raise
            finally:
                self._reading = None
        return await self.outbox.read_own_pending()

    async def take_over(self) -> int:
        """Move the entries of consumers that have died. Return how many."""
        entries = await self.outbox.take_over()
        stuck = await self._persist(entries)
        if stuck is not None:
            raise stuck
        return len(entries)

    async def _persist(self, entries: Sequence[OutboxEntry]) -> DeskUnavailableError | None:
        """Persist shard by shard, so that one whose fence is shut does not make the others wait. Return its
        error. LedgerUnavailableError is raised: the ledger is away for all shards."""
        stuck = None
        for shard in dict.fromkeys(entry.shard for entry in entries):
            try:
                await self._persist_shard([entry for entry in entries if entry.shard == shard])
            except DeskUnavailableError as error:
                stuck = error
        return stuck

    async def _persist_shard(self, entries: list[OutboxEntry]) -> None:
        begun, begun_at = time.perf_counter(), now_ms()
        result = await self.persister.persist(entries, begun_at)
        await self.outbox.acknowledge(entries)
        self.metrics.ledger_commit.observe(time.perf_counter() - begun)
        self.metrics.ledger_batch_size.observe(len(entries))
        self.metrics.confirmed.inc(len(result.coupons))
        self.metrics.dead_letters.inc(result.dead)
        if self.traces is not None:
            self.traces.persisted((entry.claim_id for entry in entries), begun_at, now_ms())


def _is_cancelled() -> bool:
    """Return whether this task is cancelled, and not only the read that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
