"""The composition root of a web process: makes its parts, wires them, and closes them in reverse order.

Called by `web`. The parts of a worker are in worker_composition.py, which imports neither API nor pages and
so starts in half the time. No other module knows every part, and nothing below imports these two.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from socket import gethostname

import structlog
from starlette.types import ASGIApp

from server.api.app import build_app
from server.api.http.caches.drop_lookup import DropLookup
from server.api.http.dependencies import ApiDependencies
from server.api.http.limits.claim_limits import StudentLimiter
from server.clock import now_ms
from server.commands.process.claim_pages import link_previews
from server.commands.process.dependency_health import DependencyHealth
from server.commands.process.listening import local_url
from server.commands.process.metrics_aggregation import MetricsAggregator
from server.commands.process.open_files import max_sockets
from server.commands.process.token_refusals import TokenRefusalLog
from server.commands.process.worker_composition import (
    ledger_of,
    message_policy,
    redis_of,
    traces_of,
)
from server.configuration.settings import Settings
from server.core.access.in_force import AccessRules
from server.core.addresses import TrustedProxies
from server.core.approvals.approvals import SendLimits
from server.core.checkout.money_rules import Apportionment, DiscountBase, MoneyRules
from server.core.drops.invite_rule import InviteRule
from server.core.events.message_rules import DAY_MS
from server.demo_link import DemoLink
from server.desk import DeskUnavailableError
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.claims.replicated_claims import ReplicatedClaimDesk
from server.desk.consistency_status import ConsistencyStatus
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.cluster_subscription import subscription_of
from server.desk.feed.feed import Feed
from server.desk.feed.number_announcements import NumberAnnouncements
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import StalenessTracker, redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.shards.fence import Fence
from server.flows.access.follow_rules import RulesFollower
from server.flows.coupons.coupon_publisher import CouponPublisher
from server.flows.stores import Stores
from server.gateway.factory import running_gateway
from server.gateway.gateway import Gateway
from server.gateway.parts import GatewayParts
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.ids import new_id
from server.ledger.engine import Ledger
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.observability.tracing import Traces
from server.pages.routes import PageFacts, lost_page, page_routes
from server.tokens import TokenKeys


@dataclass(frozen=True, slots=True)
class WebParts:
    """The parts that a web process serves. uvicorn calls `ws_class` for each upgrade. `drain` closes all
    sockets with a time to come back, and returns when their clients have gone."""

    app: ASGIApp
    ws_class: Callable[..., asyncio.Protocol]
    connection_limiter: ConnectionLimiter
    drain: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Base:
    """The connections and counters that the API and the gateway of one process are both built on."""

    settings: Settings
    metrics: Metrics
    health: Health
    staleness: StalenessTracker
    redis: Nodes
    ledger: Ledger
    feed: Feed
    drop_lookup: DropLookup
    gateway_id: str
    traces: Traces | None


@asynccontextmanager
async def compose_web(
    settings: Settings,
    metrics: Metrics,
    health: Health,
    number: int,
    links: tuple[DemoLink, ...] = (),
) -> AsyncIterator[WebParts]:
    """Build a web process from its connections to its application; all ends with the context."""
    async with AsyncExitStack() as stack:
        staleness = StalenessTracker()
        redis = await redis_of(stack, settings, staleness)
        ledger = await ledger_of(stack, settings)
        feed = Feed(redis, settings.key_prefix)
        gateway_id = new_id("gwy")
        traces = await traces_of(stack, settings, gateway_id)
        base = _Base(
            settings,
            metrics,
            health,
            staleness,
            redis,
            ledger,
            feed,
            DropLookup(feed),
            gateway_id,
            traces,
        )
        access = AccessRules()
        follower = RulesFollower(ledger, access, health)
        await stack.enter_async_context(follower.running())
        parts = await _gateway_parts(stack, base, access, follower)
        gateway = await stack.enter_async_context(running_gateway(parts))
        publisher = CouponPublisher(Stores(ledger, parts.drop_desk, parts.feed))
        await stack.enter_async_context(publisher.running())
        aggregator = await _monitor(stack, base, parts.gateway_id, number)
        dependencies = _api_dependencies(base, parts, gateway, aggregator)
        waiters = dependencies.event_waiters
        # A client of its own: it waits in a blocking read.
        listener = await redis_of(stack, settings, staleness)
        announcements = NumberAnnouncements(listener, settings.key_prefix)
        await stack.enter_async_context(announcements.followed_by(waiters.on_numbered))
        app: ASGIApp = build_app(_with_pages(dependencies, settings, links))
        app = await with_demo_shop(app, stack, settings, parts.keys)

        async def drain() -> None:
            health.drain()
            waiters.close()
            aggregator.stop_publishing()
            await gateway.drain()

        yield WebParts(app, gateway.protocol, gateway.connection_limiter, drain)


async def _gateway_parts(
    stack: AsyncExitStack, base: _Base, access: AccessRules, follower: RulesFollower
) -> GatewayParts:
    settings, prefix = base.settings, base.settings.key_prefix
    claim_desk = await _claim_desk(stack, settings, base.redis, base.staleness, base.metrics)
    stack.push_async_callback(claim_desk.close)

    async def waits_to_open(room: str, drop_id: str) -> bool:
        return await base.drop_lookup.waits_to_open(base.ledger, room, drop_id, now_ms())

    # The subscription has a client of its own: a listening connection never returns to the pool.
    listener = await redis_of(stack, settings, base.staleness)
    return GatewayParts(
        gateway_id=base.gateway_id,
        keys=TokenKeys(settings.secrets, settings.max_token_days, TokenRefusalLog().note, access),
        access=access,
        look_at_access=follower.look_soon,
        waits_to_open=waits_to_open,
        claim_desk=claim_desk,
        drop_desk=DropDesk(base.redis, prefix),
        feed=base.feed,
        subscription=subscription_of(listener, prefix, base.gateway_id),
        metrics=base.metrics,
        health=base.health,
        allowed_origins=_origins(settings),
        proxies=TrustedProxies.of(settings.trusted_proxies),
        joins_per_second=settings.joins_per_second,
        max_sockets=max_sockets(),
        traces=base.traces,
    )


async def _monitor(
    stack: AsyncExitStack, base: _Base, gateway_id: str, number: int
) -> MetricsAggregator:
    """Start the checks of Redis and the ledger, and the publication of this process's metrics."""
    settings, prefix = base.settings, base.settings.key_prefix
    metrics_store = MetricsStore(base.redis, prefix)
    dependency_health = DependencyHealth(
        base.redis,
        Fence(base.redis, prefix, gateway_id),
        metrics_store,
        base.ledger,
        base.health,
        settings.replicas,
        ConsistencyStatus(base.redis, prefix),
    )
    await stack.enter_async_context(dependency_health.monitored())
    host = f"{gethostname()}:{settings.port}"
    aggregator = MetricsAggregator(base.metrics.registry, metrics_store, f"web-{number}", host)
    await stack.enter_async_context(aggregator.publishing())
    return aggregator


def _api_dependencies(
    base: _Base, parts: GatewayParts, gateway: Gateway, aggregator: MetricsAggregator
) -> ApiDependencies:
    """Return the dependencies of the API; it shares desk, feed and keys with the gateway."""
    settings = base.settings
    return ApiDependencies(
        ledger=base.ledger,
        drop_desk=parts.drop_desk,
        claim_desk=parts.claim_desk,
        feed=parts.feed,
        drop_lookup=base.drop_lookup,
        token_keys=parts.keys,
        health=base.health,
        metrics=parts.metrics,
        metrics_text=aggregator.merged_text,
        claim_limiter=StudentLimiter(),
        snapshot=gateway.snapshot,
        access=parts.access,
        clock=now_ms,
        time_zone=settings.time_zone,
        public_url=settings.public_url or "",
        pages_url=settings.public_url or local_url(settings),
        allowed_origins=settings.allowed_origins,
        lock_limit_ms=settings.lock_seconds * 1000,
        webhook_private=settings.webhook_private,
        undo_ms=settings.undo_seconds * 1000,
        support_a_day=settings.support_coupons_a_day,
        send_limits=SendLimits(settings.approval_students, settings.approval_amount),
        approval_ms=settings.approval_days * DAY_MS,
        invites=InviteRule(settings.invite_channels),
        money_rules=_money_rules(settings),
        message_policy=message_policy(settings),
        traces=base.traces,
    )


def _with_pages(
    parts: ApiDependencies, settings: Settings, links: tuple[DemoLink, ...]
) -> ApiDependencies:
    facts = PageFacts(
        settings.allowed_origins,
        settings.public_url or "",
        settings.login_url or "",
        links,
        link_previews(parts),
        parts.token_keys.sign if links else None,
        settings.time_zone.key,
    )
    return replace(parts, extra_routes=page_routes(facts), lost_page=lost_page(facts))


def _money_rules(settings: Settings) -> MoneyRules:
    return MoneyRules(Apportionment(settings.apportionment), DiscountBase(settings.discount_base))


async def with_demo_shop(
    app: ASGIApp, stack: AsyncExitStack, settings: Settings, keys: TokenKeys
) -> ASGIApp:
    """Put the demo shop beside the app where the setting asks for it. It gives away what it sells."""
    if not settings.demo_shop:
        return app
    from server.demo_shop.routes import (  # noqa: PLC0415  (the usual web process never needs it)
        ShopFacts,
        demo_shop,
        route_shop_paths,
    )

    structlog.get_logger().warning("demo_shop_open")
    facts = ShopFacts(local_url(settings), settings.data_dir, keys, now_ms)
    return route_shop_paths(app, await stack.enter_async_context(demo_shop(facts)))


def _origins(settings: Settings) -> frozenset[str]:
    """Return the origins whose pages may open sockets. Our public URL is one of them: behind a proxy that
    rewrites `Host`, a browser's `Origin` is not the host that we see."""
    return frozenset(filter(None, (*settings.allowed_origins, settings.public_url)))


async def _claim_desk(
    stack: AsyncExitStack,
    settings: Settings,
    redis: Nodes,
    staleness: StalenessTracker,
    metrics: Metrics,
) -> ClaimDesk:
    on_call = _observe_calls(metrics)
    if not settings.replicas:
        return ClaimDesk(redis, settings.key_prefix, on_call)
    own = await redis_of(stack, settings, staleness)
    with suppress(DeskUnavailableError):  # else the first claim finds out where it belongs
        async with redis_deadline():
            await own.refresh()
    return ReplicatedClaimDesk(own, settings.key_prefix, settings.replicas, on_call)


def _observe_calls(metrics: Metrics) -> Callable[[int, float], None]:
    duration = metrics.script_duration.labels("claim")

    def observe(taps: int, seconds: float) -> None:
        metrics.claim_batch_size.observe(taps)
        duration.observe(seconds)

    return observe
