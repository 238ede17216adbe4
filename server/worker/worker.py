"""All jobs of a worker, each in a loop of its own that outlives whatever is away for a while.

Made by the composition root (commands/worker.py). One of the four places that catch everything: a
fault in one round must not end the others, and is logged and counted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from server.clock import now_ms
from server.desk import DeskUnavailableError
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
from server.ledger.engine import LedgerUnavailableError
from server.telemetry import Metrics
from server.worker.claims_loop import ClaimsLoop
from server.worker.difference_watch import DifferenceWatch
from server.worker.fence_recovery import FenceMender

CLAIM_LANES = 2  # one's transaction runs in the database while the other prepares its own
LEFT_BEHIND_MS = 2_000  # an intent this old has lost the api that was driving it
FINISH_SECONDS = 2.5  # for what is under way when we are told to stop
_LEAVE_SECONDS = 0.5
_PAUSE_SECONDS = 0.2  # after a failure, before the next try
_log = structlog.get_logger()

Job = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Worker:
    """`claims`: lanes, each a consumer of its own."""

    stores: Stores
    outbox: Outbox
    fence: Fence
    claims: Sequence[ClaimsLoop]
    rebuilder: DeskRebuilder
    metrics: Metrics
    books_board: ConsistencyStatus | None = (
        None  # where web processes read whether desk and ledger agree
    )
    _mender: FenceMender = field(init=False)

    def __post_init__(self) -> None:
        mender = FenceMender(self.fence, self.rebuilder, self.metrics)
        object.__setattr__(self, "_mender", mender)  # frozen, and made of its own parts

    async def run(self) -> None:
        """Until cancelled. Then every job ends the round it is in, so that whoever was told `won` need
        not wait until another worker takes over what we have read."""
        stopping = asyncio.Event()
        for lane in self.claims:
            lane.is_leaving = False
        # Before new groups hide that the old ones are gone.
        await _until_done(self.mend_outboxes, stopping)
        await _until_done(self.outbox.make_groups, stopping)
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(_every(s, job, stopping)) for s, job in self._jobs()]
            try:
                await asyncio.wait(jobs)
            finally:
                stopping.set()
                for lane in self.claims:
                    lane.leave()
                await asyncio.wait(jobs, timeout=FINISH_SECONDS)
                for job in jobs:
                    job.cancel()
                await asyncio.wait(jobs)
                await self._mender.close()
                await self._leave()

    async def _leave(self) -> None:
        """What we still hold, where we were cut short, keeps its consumer until it is taken over."""
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                for lane in self.claims:
                    await lane.outbox.leave_group()
        except (DeskUnavailableError, TimeoutError):
            _log.warning(
                "worker_left_without_a_word"
            )  # `remove_dead_consumers` of the others sees to it

    def _jobs(self) -> list[tuple[float, Job]]:
        """How often, and what."""
        difference = DifferenceWatch(
            self.stores, self.outbox, self.fence, self.metrics, self.books_board
        )
        return [
            *((0.0, lane.step) for lane in self.claims),
            (0.25, self.mend_fences),
            (0.5, self.close_overdue),
            (0.5, self.end_holds),
            (1.0, self.drive_intents),
            (1.0, self.tell_coupons),
            (1.0, self.update_live_counts),
            (0.5, self.publish_stops),
            (1.0, self.log_warnings),
            (2.0, self.give_back_budgets),
            (2.0, self.claims[0].take_over),
            (2.0, self.measure_backlog),
            (2.0, self.mend_outboxes),
            (2.0, difference.look),
            (2.0, self.finish_code_runs),
            (5.0, self.outbox.trim),
            (5.0, self.expire_redemptions),
            (60.0, self.outbox.remove_dead_consumers),
            (60.0, self.credit_rebates),
            (3600.0, self.forget_old_keys),
        ]

    async def mend_fences(self) -> None:
        """Rebuilds every shard whose fence is shut."""
        await self._mender.mend()

    async def mend_outboxes(self) -> None:
        """A stream that is gone takes wins with it: the desk that sold them is loaded anew, and the
        gateways ask it for those they have told."""
        for shard in await self.outbox.shards_without_group():
            await self.fence.shut(shard)

    async def close_overdue(self) -> None:
        await close_overdue(self.stores, now_ms())

    async def end_holds(self) -> None:
        self.metrics.holds_ended.inc(await end_holds(self.stores, now_ms()))

    async def drive_intents(self) -> None:
        driven = await drive_pending(self.stores, LEFT_BEHIND_MS, now_ms())
        self.metrics.intents_pending.set(driven.waiting)

    async def tell_coupons(self) -> None:
        await publish_left_behind(self.stores, LEFT_BEHIND_MS, now_ms())

    async def publish_stops(self) -> None:
        await publish_stops(self.stores.ledger, self.stores.desk)

    async def log_warnings(self) -> None:
        await budgets.log_warnings(
            self.stores.ledger,
            now_ms(),
            lambda kind, level: self.metrics.budget_warnings.labels(kind, level).inc(),
        )

    async def give_back_budgets(self) -> None:
        await budgets.give_back_expired(self.stores.ledger, now_ms())

    async def update_live_counts(self) -> None:
        await update_live_counts(self.stores.ledger, self.stores.feed, now_ms())

    async def measure_backlog(self) -> None:
        backlog = await self.outbox.backlog()
        self.metrics.outbox_lag.labels("all").set(backlog.entries)
        self.metrics.outbox_oldest_age.labels("all").set(backlog.oldest_age_ms / 1000)

    async def expire_redemptions(self) -> None:
        await expire_overdue(self.stores.ledger, now_ms())

    async def credit_rebates(self) -> None:
        await credit_due(self.stores.ledger, now_ms())

    async def finish_code_runs(self) -> None:
        await finish_runs(self.stores.ledger, now_ms())

    async def forget_old_keys(self) -> None:
        now = now_ms()
        async with self.stores.ledger.begin() as conn:
            await idempotency.delete_expired(conn, now)
        await prune_claim_limits(self.stores, now)


async def _every(seconds: float, job: Job, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await _until_done(job, stopping)
        await _pause(seconds, stopping)


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    if seconds:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stopping.wait()


async def _until_done(job: Job, stopping: asyncio.Event) -> None:
    name = getattr(job, "__qualname__", repr(job))
    said: set[str] = set()  # five tries a second for an hour are one line, and one traceback
    while not stopping.is_set():
        try:
            await job()
        except (DeskUnavailableError, LedgerUnavailableError) as error:
            if str(error) not in said:
                said.add(str(error))
                _log.warning("job_waits", job=name, error=str(error))
        except Exception as error:
            # To write a traceback down takes far longer than to fail: the others would wait for it.
            where = f"{type(error).__name__} in {name}"
            if where not in said:
                said.add(where)
                _log.exception("job_failed", job=name)
        else:
            if said:
                _log.info("job_goes_on", job=name)
            return
        await _pause(_PAUSE_SECONDS, stopping)
