"""Claims from the outbox to the ledger, as fast as they come, none twice, none lost.

Called by `worker.py`. The order matters: what this worker was given before and has not acknowledged
comes first (a cancelled read leaves such), then what is new; acknowledged last. What another worker
died with is taken over by `take_over`.
"""

import time
from dataclasses import dataclass

from server.desk.outbox import Outbox, OutboxEntry
from server.flows.record_claims import ClaimRecorder
from server.telemetry import Metrics

WAIT_MS = 1_000


@dataclass(slots=True)
class ClaimsLoop:
    outbox: Outbox
    recorder: ClaimRecorder
    metrics: Metrics
    _owes: bool = True  # something given to us may not have been acknowledged

    async def step(self) -> int:
        """One batch, waiting at most WAIT_MS for it; how many entries. DeskUnavailableError and
        LedgerUnavailableError pass: what was read is read again in the next step."""
        if self._owes:
            entries = await self.outbox.read_own_pending()
            if not entries:
                self._owes = False
                return 0
        else:
            self._owes = True  # until it is known that all of it has been acknowledged
            entries = await self.outbox.read(WAIT_MS)
        await self._record(entries)
        self._owes = False
        return len(entries)

    async def take_over(self) -> int:
        entries = await self.outbox.take_over()
        await self._record(entries)
        return len(entries)

    async def _record(self, entries: list[OutboxEntry]) -> None:
        if not entries:
            return
        begun = time.perf_counter()
        result = await self.recorder.record(entries, time.time_ns() // 1_000_000)
        await self.outbox.acknowledge(entries)
        self.metrics.ledger_commit.observe(time.perf_counter() - begun)
        self.metrics.ledger_batch_size.observe(len(entries))
        self.metrics.confirmed.inc(len(result.coupons))
        self.metrics.dead_letters.inc(result.dead)
