"""Rebuilds every desk shard whose fence is shut, each in a task of its own.

Called by `jobs/claim_jobs.py`. A failed rebuild does not stop the other shards. It is tried again after a
pause that doubles, so that it does not take the database's time from the others; the reason is published
to the web processes, which show it in `/readyz`.
"""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import structlog

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.desk.keys import SHARDS
from server.desk.shards.fence import Fence
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.ledger.database_errors import LedgerUnavailableError
from server.observability.metrics import Metrics

AT_ONCE: Final = 4  # rebuilds at the same time: one that hangs leaves three
LOOK_SECONDS: Final = 1.0  # then shut shards are looked for again, whatever is still being rebuilt
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 10.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    pause_s: float
    again_at: float  # by the monotonic clock


@dataclass(slots=True)
class FenceRecovery:
    """Keeps the rebuilds that are running over several calls of `rebuild_shut_shards`."""

    fence: Fence
    rebuilder: DeskRebuilder
    metrics: Metrics
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _failed: dict[int, _Failure] = field(default_factory=dict)
    _armed: list[int] = field(default_factory=list)  # rebuilt and not logged yet
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def rebuild_shut_shards(self) -> None:
        """Start the rebuild of each shut shard, and wait for them up to LOOK_SECONDS.

        Raises DeskUnavailableError or LedgerUnavailableError where the shut shards cannot be read."""
        shut = await self.fence.shut_shards()
        for shard in range(SHARDS):
            self.metrics.fence_closed.labels(shard).set(shard in shut)
        for shard in self._failed.keys() - set(shut):
            del self._failed[shard]
        due = self._due(shut)
        if due:
            # Shards whose last rebuild failed come last.
            for shard in sorted(
                await self.rebuilder.in_order(due), key=lambda one: one in self._failed
            ):
                self._begin(shard)
        while tasks := list(self._running.values()):
            done, _ = await asyncio.wait(
                tasks, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
        if self._armed:  # one line for all: a first start rebuilds sixteen
            _log.info("desks_rebuilt", shards=sorted(self._armed))
            self._armed.clear()

    async def close(self) -> None:
        """Cancel the running rebuilds. Their fences stay shut, and their leases run out by themselves."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, shut: Collection[int]) -> list[int]:
        now = monotonic()
        return [
            shard
            for shard in shut
            if shard not in self._running
            and (shard not in self._failed or self._failed[shard].again_at <= now)
        ]

    def _begin(self, shard: int) -> None:
        task = asyncio.create_task(self._rebuild(shard))
        self._running[shard] = task
        task.add_done_callback(lambda _: self._running.pop(shard, None))

    async def _rebuild(self, shard: int) -> None:
        """Rebuild one shard, unless another worker has armed it meanwhile: it sells already."""
        try:
            async with self._slots:
                if await self.rebuilder.rebuild(shard, now_ms(), only_if_shut=True):
                    self.metrics.rebuilds.inc()
                    self._armed.append(shard)
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            await self._note_failure(shard, str(error))
        except Exception as error:
            _log.exception("rebuild_failed", shard=shard)
            await self._note_failure(shard, type(error).__name__)

    async def _note_failure(self, shard: int, reason: str) -> None:
        before = self._failed.get(shard)
        pause_s = min(
            2 * before.pause_s if before else _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS
        )
        self._failed[shard] = _Failure(reason, pause_s, monotonic() + pause_s)
        self.metrics.rebuild_failures.labels(shard).inc()
        if before is None or before.reason != reason:
            _log.warning("rebuild_waits", shard=shard, error=reason)
        with suppress(DeskUnavailableError):
            await self.fence.note_trouble(shard, reason)
