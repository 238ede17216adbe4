"""Rebuilds every desk shard whose fence is shut, each by itself: one that fails keeps no other shut.

Called by `worker.py`, which owns it. A shard that has failed is tried again after a pause that doubles, so
that it does not take the database's time from the others; why it failed is told to the web processes, which
say it in `/readyz`.
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
from server.desk.fence import Fence
from server.desk.keys import SHARDS
from server.flows.consistency.rebuild_desk import DeskRebuilder
from server.ledger.engine import LedgerUnavailableError
from server.telemetry import Metrics

AT_ONCE: Final = 4  # one that is stuck leaves three
LOOK_SECONDS: Final = (
    1.0  # then it is looked for others that are shut, whatever is still being rebuilt
)
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 10.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Failure:
    words: str
    pause_s: float
    again_at: float  # by the monotonic clock


@dataclass(slots=True)
class FenceMender:
    fence: Fence
    rebuilder: DeskRebuilder
    metrics: Metrics
    _under_way: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _failed: dict[int, _Failure] = field(default_factory=dict)
    _armed: list[int] = field(default_factory=list)  # and not logged yet
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def mend(self) -> None:
        """Begins the rebuild of each shard that is shut, and waits a while for them. DeskUnavailableError,
        LedgerUnavailableError: it cannot be known which are."""
        shut = await self.fence.shut_shards()
        for shard in range(SHARDS):
            self.metrics.fence_closed.labels(shard).set(shard in shut)
        for shard in self._failed.keys() - set(shut):
            del self._failed[shard]
        due = self._due(shut)
        if due:
            # Those that have failed come last.
            for shard in sorted(
                await self.rebuilder.in_order(due), key=lambda one: one in self._failed
            ):
                self._begin(shard)
        while tasks := list(self._under_way.values()):
            done, _ = await asyncio.wait(
                tasks, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
        if self._armed:  # one line for all: a start rebuilds sixteen
            _log.info("desks_rebuilt", shards=sorted(self._armed))
            self._armed.clear()

    async def close(self) -> None:
        """Ends what is under way: the fences stay shut, and the leases run out."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _due(self, shut: Collection[int]) -> list[int]:
        now = monotonic()
        return [
            shard
            for shard in shut
            if shard not in self._under_way
            and (shard not in self._failed or self._failed[shard].again_at <= now)
        ]

    def _begin(self, shard: int) -> None:
        task = asyncio.create_task(self._rebuild(shard))
        self._under_way[shard] = task
        task.add_done_callback(lambda _: self._under_way.pop(shard, None))

    async def _rebuild(self, shard: int) -> None:
        """One that another worker has armed since we looked is left alone: it sells already."""
        try:
            async with self._room:
                if await self.rebuilder.rebuild(shard, now_ms(), only_if_shut=True):
                    self.metrics.rebuilds.inc()
                    self._armed.append(shard)
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            await self._note(shard, str(error))
        except Exception as error:
            _log.exception("rebuild_failed", shard=shard)
            await self._note(shard, type(error).__name__)

    async def _note(self, shard: int, words: str) -> None:
        before = self._failed.get(shard)
        pause_s = min(
            2 * before.pause_s if before else _FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS
        )
        self._failed[shard] = _Failure(words, pause_s, monotonic() + pause_s)
        self.metrics.rebuild_failures.labels(shard).inc()
        if before is None or before.words != words:
            _log.warning("rebuild_waits", shard=shard, error=words)
        with suppress(DeskUnavailableError):
            await self.fence.note_trouble(shard, words)
