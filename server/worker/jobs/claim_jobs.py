"""Jobs about the desk: claims go to the ledger, lost shards are rebuilt, desk and ledger are compared."""

from server.worker.difference_watch import DifferenceWatch
from server.worker.fence_recovery import FenceRecovery
from server.worker.jobs.job import Job, WorkerParts


class ClaimJobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._lanes = parts.lanes
        self._outbox = parts.outbox
        self._fence = parts.fence
        self._metrics = parts.metrics
        self._recovery = FenceRecovery(parts.fence, parts.rebuilder, parts.metrics)
        self._difference = DifferenceWatch(
            parts.stores, parts.outbox, parts.fence, parts.metrics, parts.consistency_status
        )

    def jobs(self) -> tuple[Job, ...]:
        lanes = (
            Job("persist_claims", 0.0, "worker.claims_loop", lane.step) for lane in self._lanes
        )
        take_over, remove_dead = self._lanes[0].take_over, self._outbox.remove_dead_consumers
        return (
            *lanes,
            # No student can win while a shard is shut.
            Job("rebuild_shards", 0.25, "worker.fence_recovery", self.rebuild_shards),
            Job("take_over_claims", 2.0, "worker.claims_loop", take_over),
            Job("measure_backlog", 2.0, "desk.claims.outbox", self.measure_backlog),
            Job("shut_lost_outboxes", 2.0, "desk.claims.outbox", self.shut_lost_outboxes),
            Job("compare_desk_and_ledger", 2.0, "worker.difference_watch", self._difference.look),
            Job("trim_outbox", 5.0, "desk.claims.outbox", self._outbox.trim),
            Job("remove_dead_consumers", 60.0, "desk.claims.outbox", remove_dead),
        )

    async def close(self) -> None:
        """End the rebuilds that are running."""
        await self._recovery.close()

    async def rebuild_shards(self) -> None:
        """Rebuild every shard whose fence is shut."""
        await self._recovery.rebuild_shut_shards()

    async def shut_lost_outboxes(self) -> None:
        """Shut the fence of each shard whose outbox is gone: wins went with it. The desk is then rebuilt,
        and the gateways claim again for the students to whom they have sent `won`."""
        for shard in await self._outbox.shards_without_group():
            await self._fence.shut(shard)

    async def measure_backlog(self) -> None:
        backlog = await self._outbox.backlog()
        # The label is part of the metric's public name; all shards are measured together.
        self._metrics.outbox_lag.labels("all").set(backlog.entries)
        self._metrics.outbox_oldest_age.labels("all").set(backlog.oldest_age_ms / 1000)
