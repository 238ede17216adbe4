"""The composition root of a worker, and the connections that every process makes.

Called by `worker` and by composition.py. Imports nothing that serves HTTP: that would be more than half of
the time in which a worker starts.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from socket import gethostname

from redis.asyncio import Redis

from server.commands.process.dependency_health import publishing_ledger_trouble
from server.commands.process.metrics_aggregation import MetricsAggregator
from server.desk.consistency_status import ConsistencyStatus
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.desk.fence import Fence
from server.desk.metrics_store import MetricsStore
from server.desk.outbox import Outbox
from server.desk.redis.connection import StalenessTracker, connect
from server.flows.consistency.rebuild_desk import DeskRebuilder
from server.flows.coupons.coupon_publisher import CouponPublisher
from server.flows.drops.persist_claims import ClaimPersister
from server.flows.stores import Stores
from server.ids import new_id
from server.ledger.engine import Ledger
from server.metrics import Metrics
from server.settings import Settings
from server.worker.cadence import Cadence
from server.worker.claims_loop import ClaimsLoop
from server.worker.jobs import WorkerParts
from server.worker.worker import CLAIM_LANES, Worker


@asynccontextmanager
async def compose_worker(
    settings: Settings, metrics: Metrics, cadence: Cadence | None = None
) -> AsyncIterator[Worker]:
    """`cadence` None: that of production."""
    cadence = cadence or Cadence()
    async with AsyncExitStack() as stack:
        redis = await redis_of(stack, settings, StalenessTracker())
        ledger = await ledger_of(stack, settings)
        prefix, worker_id = settings.key_prefix, new_id("wrk")
        feed, fence = Feed(redis, prefix), Fence(redis, prefix, worker_id)
        outbox = Outbox(redis, prefix, worker_id)
        lanes = [Outbox(redis, prefix, f"{worker_id}-{lane}") for lane in range(CLAIM_LANES)]
        persister = ClaimPersister(ledger, fence, feed, metrics.revoked.inc)
        name = f"worker-{worker_id.removeprefix('wrk_')}"
        metrics_store = MetricsStore(redis, prefix)
        aggregator = MetricsAggregator(metrics.registry, metrics_store, name, gethostname())
        await stack.enter_async_context(aggregator.publishing())
        await stack.enter_async_context(publishing_ledger_trouble(ledger, metrics_store))
        stores = Stores(ledger, DropDesk(redis, prefix), feed)
        await stack.enter_async_context(CouponPublisher(stores).running())
        parts = WorkerParts(
            stores=stores,
            outbox=outbox,
            fence=fence,
            lanes=[ClaimsLoop(lane, persister, metrics, cadence) for lane in lanes],
            rebuilder=DeskRebuilder(ledger, fence, feed, outbox, persister),
            metrics=metrics,
            consistency_status=ConsistencyStatus(redis, prefix),
            cadence=cadence,
        )
        yield Worker(parts)


async def redis_of(stack: AsyncExitStack, settings: Settings, staleness: StalenessTracker) -> Redis:
    redis = connect(settings.redis_url or "", staleness)
    stack.push_async_callback(redis.aclose)
    return redis


async def ledger_of(stack: AsyncExitStack, settings: Settings) -> Ledger:
    ledger = Ledger.connect(settings.database_url or "")
    stack.push_async_callback(ledger.close)
    return ledger
