"""Runs the jobs of a worker, each in a loop of its own that survives failures of Redis and the ledger.

Made by the composition root (commands/process/worker_composition.py). This is one of the few places that
catch every exception: an error in one job must not end the others, so it is logged and the job is tried
again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from server.clock import now_ms
from server.desk import DeskUnavailableError
from server.ledger.change_detector import ChangeDetector
from server.ledger.database_errors import LedgerUnavailableError
from server.worker.jobs.job import Job, WorkerParts
from server.worker.jobs.table import Jobs
from server.worker.ledger_watch import LedgerWatch

REST_MS: Final = 60_000  # what is due later than that is looked for again
_MARGIN_S: Final = 1.0  # a rest ends this long before something may be due
CLAIM_LANES = 2  # the transaction of one runs in the database while the other prepares its own
_log = structlog.get_logger()


class Worker:
    """`jobs` are the jobs that `run` runs; a test may run one of them by itself."""

    def __init__(self, parts: WorkerParts) -> None:
        self.jobs = Jobs(parts)
        self._ledger = parts.stores.ledger
        self._watch = LedgerWatch(ChangeDetector(self._ledger), parts.cadence.look_s)
        self._outbox = parts.outbox
        self._lanes = parts.lanes
        self._cadence = parts.cadence

    async def run(self) -> None:
        """Run all jobs until cancelled. Then every job ends its round: otherwise students who were told
        `won` would wait until another worker takes over the claims that this one has read."""
        stopping = asyncio.Event()
        for lane in self._lanes:
            lane.is_leaving = False
        # In this order: a group that is made anew hides that the old one was lost.
        await self._until_done("shut_lost_outboxes", self.jobs.claims.shut_lost_outboxes, stopping)
        await self._until_done("make_groups", self._outbox.make_groups, stopping)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch.run())
            running = [tasks.create_task(self._repeat(job, stopping)) for job in self.jobs.table()]
            try:
                await asyncio.wait(running)
            finally:
                stopping.set()
                watching.cancel()  # wakes the jobs that rest
                for lane in self._lanes:
                    lane.leave()
                await asyncio.wait(running, timeout=self._cadence.finish_s)
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
                await self.jobs.close()
                await self._leave()

    async def _leave(self) -> None:
        """Take our consumers out of the outbox. One that still has claims stays until another worker has
        taken them over."""
        try:
            async with asyncio.timeout(self._cadence.leave_s):
                for lane in self._lanes:
                    await lane.outbox.leave_group()
        except (DeskUnavailableError, TimeoutError):
            # Another worker removes them later (`remove_dead_consumers`).
            _log.warning("worker_left_without_a_word")

    async def _repeat(self, job: Job, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            version = self._watch.version  # as before the round: it may miss what changes meanwhile
            found = await self._until_done(job.name, job.run, stopping)
            await _pause(job.pause_s(found), stopping)
            await self._rest(job, version, stopping)

    async def _rest(self, job: Job, version: object, stopping: asyncio.Event) -> None:
        """Wait while the ledger keeps this version and the job has nothing to do.

        Nothing is done later for it: of a change the job hears within `look_s`, which is less than its pause,
        and where something comes due within REST_MS the job does not rest.
        """

        async def is_due() -> bool:
            assert job.due is not None
            async with self._ledger.read() as conn:
                return bool(await job.due(conn, now_ms() + REST_MS))

        if job.due is None or version is not self._watch.version or stopping.is_set():
            return
        if not await self._until_done(job.name, is_due, stopping):
            await self._watch.wait_for_change(version, REST_MS / 1000 - _MARGIN_S)

    async def _until_done(
        self, name: str, run: Callable[[], Awaitable[object]], stopping: asyncio.Event
    ) -> object:
        """Run one round, and try again until it succeeds or the worker stops; return what it found. Each
        error is logged once: five tries a second for an hour make one line and one traceback."""
        logged: set[str] = set()
        while not stopping.is_set():
            try:
                found = await run()
            except (DeskUnavailableError, LedgerUnavailableError) as error:
                if str(error) not in logged:
                    logged.add(str(error))
                    _log.warning("job_waits", job=name, error=str(error))
            except Exception as error:
                # A traceback takes far longer to write than the job takes to fail; five a second once kept
                # the loop so busy that no other job went on.
                kind = type(error).__name__
                if kind not in logged:
                    logged.add(kind)
                    _log.exception("job_failed", job=name)
            else:
                if logged:
                    _log.info("job_goes_on", job=name)
                return found
            await _pause(self._cadence.retry_s, stopping)
        return None


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    """Wait, but not longer than until the worker stops."""
    if seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()
