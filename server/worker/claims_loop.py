"""Claims from the outbox to the ledger, as fast as they come, none twice, none lost.

Called by `worker.py`. The order matters: what this worker was given before and has not acknowledged
comes first (a cancelled read leaves such), then what is new; acknowledged last. What another worker
died with is taken over by `take_over`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.outbox import Outbox, OutboxEntry
from server.flows.drops.persist_claims import ClaimPersister
from server.telemetry import Metrics

WAIT_MS = 1_000
_WAIT_WHILE_STUCK_MS = 100  # some shard is being rebuilt: what is new on the others goes on


@dataclass(slots=True)
class ClaimsLoop:
    outbox: Outbox
    persister: ClaimPersister
    metrics: Metrics
    is_leaving: bool = False
    _owes: bool = True  # something given to us may not have been acknowledged
    _reading: asyncio.Task[list[OutboxEntry]] | None = None

    async def step(self) -> int:
        """One batch, waiting at most WAIT_MS for it; how many entries. DeskUnavailableError and
        LedgerUnavailableError pass: what was read is read again in the next step."""
        pending = await self.outbox.read_own_pending() if self._owes else []
        stuck = await self._record(pending)
        self._owes = True  # until it is known that all of it has been acknowledged
        if pending and stuck is None:
            return len(pending)
        entries = await self._read(WAIT_MS if stuck is None else _WAIT_WHILE_STUCK_MS)
        stuck = await self._record(entries) or stuck
        if stuck is not None:
            raise stuck
        self._owes = False
        return len(entries)

    def leave(self) -> None:
        """Makes this step the last: it waits for no more claims, and ends with those it has."""
        self.is_leaving = True
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, wait_ms: int) -> list[OutboxEntry]:
        """Where we are leaving: what a read that was cut short has left with us."""
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
        entries = await self.outbox.take_over()
        stuck = await self._record(entries)
        if stuck is not None:
            raise stuck
        return len(entries)

    async def _record(self, entries: Sequence[OutboxEntry]) -> DeskUnavailableError | None:
        """Shard by shard, so that one whose fence is shut keeps no other waiting; that one's error.
        LedgerUnavailableError passes: the ledger is away for all of them."""
        stuck = None
        for shard in dict.fromkeys(entry.shard for entry in entries):
            try:
                await self._record_shard([entry for entry in entries if entry.shard == shard])
            except DeskUnavailableError as error:
                stuck = error
        return stuck

    async def _record_shard(self, entries: list[OutboxEntry]) -> None:
        begun = time.perf_counter()
        result = await self.persister.persist(entries, now_ms())
        await self.outbox.acknowledge(entries)
        self.metrics.ledger_commit.observe(time.perf_counter() - begun)
        self.metrics.ledger_batch_size.observe(len(entries))
        self.metrics.confirmed.inc(len(result.coupons))
        self.metrics.dead_letters.inc(result.dead)


def _is_cancelled() -> bool:
    """We ourselves, not only what we waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
