"""The jobs of a worker: what runs, how often, and which module has its rules. All in one table, `Jobs.table`.

Run by `worker.py`. Any number of workers run the same jobs at the same time, so each job may be done twice.
Every job may raise DeskUnavailableError and LedgerUnavailableError; it is then tried again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from server.clock import now_ms
from server.desk.consistency_status import ConsistencyStatus
from server.desk.fence import Fence
from server.desk.outbox import Outbox
from server.flows.checkout.balances import credit_due
from server.flows.checkout.unlock import expire_overdue
from server.flows.consistency.rebuild_desk import DeskRebuilder
from server.flows.coupons.codes import finish_runs
from server.flows.coupons.prune_claim_limits import prune_claim_limits
from server.flows.coupons.publish_coupons import publish_left_behind
from server.flows.drops.drive_intents import close_overdue, drive_pending
from server.flows.drops.end_holds import end_holds
from server.flows.drops.update_live_counts import update_live_counts
from server.flows.promotions import budgets
from server.flows.promotions.stops import publish_stops
from server.flows.stores import Stores
from server.ledger import idempotency
from server.metrics import Metrics
from server.worker.cadence import Cadence
from server.worker.claims_loop import ClaimsLoop
from server.worker.difference_watch import DifferenceWatch
from server.worker.fence_recovery import FenceRecovery


class Job(NamedTuple):
    """`interval_s`: seconds between the end of one round and the next one. `owner`: the module, below
    `server`, that has the rules of the job."""

    name: str
    interval_s: float
    owner: str
    run: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """`lanes`: each moves claims by itself, as a consumer of its own. `consistency_status`: where web
    processes read whether desk and ledger agree; None: they are not told."""

    stores: Stores
    outbox: Outbox
    fence: Fence
    lanes: Sequence[ClaimsLoop]
    rebuilder: DeskRebuilder
    metrics: Metrics
    consistency_status: ConsistencyStatus | None = None
    cadence: Cadence = field(default_factory=Cadence)


class Jobs:
    def __init__(self, parts: WorkerParts) -> None:
        self._stores = parts.stores
        self._outbox = parts.outbox
        self._fence = parts.fence
        self._lanes = parts.lanes
        self._metrics = parts.metrics
        self._left_behind_ms = parts.cadence.left_behind_ms
        self._recovery = FenceRecovery(parts.fence, parts.rebuilder, parts.metrics)
        self._difference = DifferenceWatch(
            parts.stores, parts.outbox, parts.fence, parts.metrics, parts.consistency_status
        )

    def table(self) -> tuple[Job, ...]:
        """Return the jobs: (name, seconds between two rounds, module with the rules, what to run)."""
        lanes = (
            Job("persist_claims", 0.0, "worker.claims_loop", lane.step) for lane in self._lanes
        )
        take_over, remove_dead = self._lanes[0].take_over, self._outbox.remove_dead_consumers
        return (
            *lanes,
            # No student can win while a shard is shut.
            Job("rebuild_shards", 0.25, "worker.fence_recovery", self.rebuild_shards),
            # Students and teachers see the effect of these at once.
            Job("close_overdue", 0.5, "flows.drops.drive_intents", self.close_overdue),
            Job("end_holds", 0.5, "flows.drops.end_holds", self.end_holds),
            Job("publish_stops", 0.5, "flows.promotions.stops", self.publish_stops),
            # These finish what another process has left undone; it is usually done in milliseconds.
            Job("drive_intents", 1.0, "flows.drops.drive_intents", self.drive_intents),
            Job("publish_coupons", 1.0, "flows.coupons.publish_coupons", self.publish_coupons),
            Job(
                "update_live_counts", 1.0, "flows.drops.update_live_counts", self.update_live_counts
            ),
            Job("log_warnings", 1.0, "flows.promotions.budgets", self.log_warnings),
            # Repairs and measurements.
            Job("give_back_budgets", 2.0, "flows.promotions.budgets", self.give_back_budgets),
            Job("take_over_claims", 2.0, "worker.claims_loop", take_over),
            Job("measure_backlog", 2.0, "desk.outbox", self.measure_backlog),
            Job("shut_lost_outboxes", 2.0, "desk.outbox", self.shut_lost_outboxes),
            Job("compare_desk_and_ledger", 2.0, "worker.difference_watch", self._difference.look),
            Job("finish_code_runs", 2.0, "flows.coupons.codes", self.finish_code_runs),
            # Housekeeping.
            Job("trim_outbox", 5.0, "desk.outbox", self._outbox.trim),
            Job("expire_redemptions", 5.0, "flows.checkout.unlock", self.expire_redemptions),
            Job("remove_dead_consumers", 60.0, "desk.outbox", remove_dead),
            Job("credit_rebates", 60.0, "flows.checkout.balances", self.credit_rebates),
            Job("delete_expired", 3_600.0, "ledger.idempotency", self.delete_expired),
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

    async def close_overdue(self) -> None:
        await close_overdue(self._stores, now_ms())

    async def end_holds(self) -> None:
        self._metrics.holds_ended.inc(await end_holds(self._stores, now_ms()))

    async def drive_intents(self) -> None:
        driven = await drive_pending(self._stores, self._left_behind_ms, now_ms())
        self._metrics.intents_pending.set(driven.waiting)

    async def publish_coupons(self) -> None:
        await publish_left_behind(self._stores, self._left_behind_ms, now_ms())

    async def publish_stops(self) -> None:
        await publish_stops(self._stores.ledger, self._stores.desk)

    async def log_warnings(self) -> None:
        await budgets.log_warnings(
            self._stores.ledger,
            now_ms(),
            lambda kind, level: self._metrics.budget_warnings.labels(kind, level).inc(),
        )

    async def give_back_budgets(self) -> None:
        await budgets.give_back_expired(self._stores.ledger, now_ms())

    async def update_live_counts(self) -> None:
        await update_live_counts(self._stores.ledger, self._stores.feed, now_ms())

    async def measure_backlog(self) -> None:
        backlog = await self._outbox.backlog()
        # The label is part of the metric's public name; all shards are measured together.
        self._metrics.outbox_lag.labels("all").set(backlog.entries)
        self._metrics.outbox_oldest_age.labels("all").set(backlog.oldest_age_ms / 1000)

    async def expire_redemptions(self) -> None:
        await expire_overdue(self._stores.ledger, now_ms())

    async def credit_rebates(self) -> None:
        await credit_due(self._stores.ledger, now_ms())

    async def finish_code_runs(self) -> None:
        await finish_runs(self._stores.ledger, now_ms())

    async def delete_expired(self) -> None:
        """Delete idempotency keys and claim limits that nothing needs any more."""
        now = now_ms()
        async with self._stores.ledger.begin() as conn:
            await idempotency.delete_expired(conn, now)
        await prune_claim_limits(self._stores, now)
