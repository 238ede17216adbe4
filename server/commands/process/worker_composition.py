"""The composition root of a worker, and the connections that every process makes.

Called by `worker` and by composition.py. Imports nothing that serves HTTP: that would be more than half of
the time in which a worker starts.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from socket import gethostname

import structlog

from server import mail
from server.commands.examining import Examining
from server.commands.process.dependency_health import publishing_ledger_trouble
from server.commands.process.metrics_aggregation import MetricsAggregator
from server.configuration.settings import Settings
from server.core.events.message_rules import DAY_MS, Cap, MessageRules, QuietHours
from server.core.events.message_texts import Language
from server.core.jobs import JobKind
from server.core.students.erasure import key_of
from server.desk.claims.outbox import Outbox
from server.desk.consistency_status import ConsistencyStatus
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.desk.feed.number_announcements import NumberAnnouncements
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import StalenessTracker, connect
from server.desk.redis.nodes import Nodes
from server.desk.shards.fence import Fence
from server.desk.student_eraser import StudentEraser
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.coupons.coupon_publisher import CouponPublisher
from server.flows.drops.claims.persist_claims import ClaimPersister
from server.flows.events.receiver_client import ReceiverClient
from server.flows.events.send_messages import MessagePolicy
from server.flows.jobs import Handler
from server.flows.stores import Stores
from server.flows.students.erase import Erasing
from server.flows.students.export import export_student
from server.flows.students.merge import merge_student
from server.ids import new_id
from server.ledger.engine import Ledger
from server.mail import Mailer
from server.observability.metrics import Metrics
from server.observability.tracing import Traces, traces_to
from server.worker.cadence import Cadence
from server.worker.claims_loop import ClaimsLoop
from server.worker.jobs.job import WorkerParts
from server.worker.webhook_sender import WebhookSender
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
        traces = await traces_of(stack, settings, worker_id)
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
            lanes=[ClaimsLoop(lane, persister, metrics, cadence, traces) for lane in lanes],
            rebuilder=DeskRebuilder(ledger, fence, feed, outbox, persister),
            metrics=metrics,
            consistency_status=ConsistencyStatus(redis, prefix),
            number_announcements=NumberAnnouncements(redis, prefix),
            event_days=settings.event_days,
            approval_ms=settings.approval_days * DAY_MS,
            webhook_sender=_webhook_sender(settings, ledger, worker_id),
            message_policy=message_policy(settings),
            mailer=_mailer(settings),
            remind_before_hours=settings.remind_before_hours,
            time_zone=settings.time_zone,
            job_handlers=job_handlers(redis, settings),
            cadence=cadence,
        )
        yield Worker(parts)


def _webhook_sender(settings: Settings, ledger: Ledger, worker_id: str) -> WebhookSender:
    def make_client() -> ReceiverClient:
        return ReceiverClient(allows_private=settings.webhook_private)

    return WebhookSender(ledger, worker_id, make_client)


async def redis_of(stack: AsyncExitStack, settings: Settings, staleness: StalenessTracker) -> Nodes:
    redis = connect(settings.redis_url or "", staleness)
    stack.push_async_callback(redis.aclose)
    return redis


async def ledger_of(stack: AsyncExitStack, settings: Settings) -> Ledger:
    url, most = settings.database_url or "", settings.database_connections
    ledger = Ledger.connect(url, connections=most)
    stack.push_async_callback(ledger.close)
    return ledger


async def traces_of(stack: AsyncExitStack, settings: Settings, process: str) -> Traces | None:
    """Return what this process records its traces with, None where no collector is set."""
    url, part = settings.traces_url, settings.traces_ratio
    return await stack.enter_async_context(traces_to(url, part, process))


def message_policy(settings: Settings) -> MessagePolicy:
    """Return the rules on bothering students, of this installation."""
    caps = (
        Cap(settings.messages_per_day, DAY_MS),
        Cap(settings.messages_per_week, 7 * DAY_MS),
    )
    hours = settings.quiet_hours
    quiet = None if hours is None else QuietHours(*hours)
    language: Language = "en" if settings.message_language == "en" else "zh"
    return MessagePolicy(MessageRules(caps, quiet, settings.time_zone), language)


def _mailer(settings: Settings) -> Mailer | None:
    """Return what sends mail where the settings name a server and a sender, else None."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    if not mail.is_available():
        structlog.get_logger().error("mail_extra_missing", install="classdrop[mail]")
        return None
    return Mailer(settings.smtp_url, settings.mail_from)


def job_handlers(redis: Nodes, settings: Settings) -> Mapping[JobKind, Handler]:
    """Return what drives each kind of job that operators ask for (core/jobs.py)."""
    keys = [key_of(secret) for secret in settings.secrets]
    examining = Examining(settings)
    erasing = Erasing(StudentEraser(redis, settings.key_prefix), keys)
    return {
        JobKind.EXPORT: export_student,
        JobKind.ERASE: erasing,
        JobKind.MERGE: merge_student,
        JobKind.CHECK: examining,
        JobKind.REPAIR: examining,
    }
