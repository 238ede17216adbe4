"""The composition root of a web process: makes its parts, wires them, and closes them in reverse order.

Called by `web`. The parts of a worker are in worker_composition.py, which imports neither API nor pages and
so starts in half the time. No other module knows every part, and nothing below imports these two.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from socket import gethostname

import structlog
from redis.asyncio import Redis
from starlette.types import ASGIApp

from server.api.app import build_app
from server.api.http.claim_limits import StudentLimiter
from server.api.http.dependencies import ApiDependencies
from server.api.http.drop_lookup import DropLookup
from server.clock import now_ms
from server.commands.process.dependency_health import DependencyHealth
from server.commands.process.listening import local_url
from server.commands.process.metrics_aggregation import MetricsAggregator
from server.commands.process.open_files import max_sockets
from server.commands.process.token_refusals import TokenRefusalLog
from server.commands.process.worker_composition import ledger_of, redis_of
from server.core.addresses import TrustedProxies
from server.core.checkout.money_rules import Apportionment, DiscountBase, MoneyRules
from server.demo_link import DemoLink
from server.desk.claim_desk import ClaimDesk
from server.desk.consistency_status import ConsistencyStatus
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.desk.fence import Fence
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import StalenessTracker
from server.desk.replicated_claims import ReplicatedClaimDesk
from server.desk.subscription import Subscription
from server.flows.coupons.coupon_publisher import CouponPublisher
from server.flows.stores import Stores
from server.gateway.factory import running_gateway
from server.gateway.gateway import Gateway
from server.gateway.parts import GatewayParts
from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.health import Health
from server.ids import new_id
from server.ledger.engine import Ledger
from server.metrics import Metrics
from server.pages.routes import PageFacts, lost_page, page_routes
from server.settings import Settings
from server.tokens import TokenKeys


@dataclass(frozen=True, slots=True)
class WebParts:
    """The parts that a web process serves. uvicorn calls `ws_class` for each upgrade. `drain` closes all
    sockets with a time to come back, and returns when their clients have gone."""

    app: ASGIApp
    ws_class: Callable[..., asyncio.Protocol]
    connection_limiter: ConnectionLimiter
    drain: Callable[[], Awaitable[None]]


@asynccontextmanager
async def compose_web(
    settings: Settings,
    metrics: Metrics,
    health: Health,
    number: int,
    links: tuple[DemoLink, ...] = (),
) -> AsyncIterator[WebParts]:
    async with AsyncExitStack() as stack:
        staleness = StalenessTracker()
        redis = await redis_of(stack, settings, staleness)
        ledger = await ledger_of(stack, settings)
        prefix = settings.key_prefix
        keys = TokenKeys(settings.secrets, settings.max_token_days, TokenRefusalLog().note)
        feed, drop_desk = Feed(redis, prefix), DropDesk(redis, prefix)
        claim_desk = await _claim_desk(stack, settings, redis, staleness, metrics)
        stack.push_async_callback(claim_desk.close)
        gateway_id = new_id("gwy")
        # The subscription has a client of its own: a listening connection never returns to the pool.
        listener = await redis_of(stack, settings, staleness)
        parts = GatewayParts(
            gateway_id=gateway_id,
            keys=keys,
            claim_desk=claim_desk,
            drop_desk=drop_desk,
            feed=feed,
            subscription=Subscription(listener, prefix, gateway_id),
            metrics=metrics,
            health=health,
            allowed_origins=_origins(settings),
            proxies=TrustedProxies.of(settings.trusted_proxies),
            joins_per_second=settings.joins_per_second,
            max_sockets=max_sockets(),
        )
        gateway = await stack.enter_async_context(running_gateway(parts))
        teller = CouponPublisher(Stores(ledger, drop_desk, feed))
        await stack.enter_async_context(teller.running())
        fence = Fence(redis, prefix, gateway_id)
        metrics_store = MetricsStore(redis, prefix)
        dependency_health = DependencyHealth(
            redis,
            fence,
            metrics_store,
            ledger,
            health,
            settings.replicas,
            ConsistencyStatus(redis, prefix),
        )
        await stack.enter_async_context(dependency_health.monitored())
        aggregator = MetricsAggregator(
            metrics.registry,
            metrics_store,
            f"web-{number}",
            f"{gethostname()}:{settings.port}",
        )
        await stack.enter_async_context(aggregator.publishing())
        app: ASGIApp = build_app(
            _with_pages(
                _api_parts(settings, parts, gateway, ledger, health, aggregator), settings, links
            )
        )
        app = await with_demo_shop(app, stack, settings, keys)

        async def drain() -> None:
            health.drain()
            aggregator.stop_publishing()
            await gateway.drain()

        yield WebParts(app, gateway.protocol, gateway.connection_limiter, drain)


def _api_parts(
    settings: Settings,
    parts: GatewayParts,
    gateway: Gateway,
    ledger: Ledger,
    health: Health,
    aggregator: MetricsAggregator,
) -> ApiDependencies:
    """Return the dependencies of the API; it shares desk, feed and keys with the gateway."""
    public_url = settings.public_url or ""
    return ApiDependencies(
        ledger=ledger,
        drop_desk=parts.drop_desk,
        claim_desk=parts.claim_desk,
        feed=parts.feed,
        drop_lookup=DropLookup(parts.feed),
        token_keys=parts.keys,
        health=health,
        metrics=parts.metrics,
        metrics_text=aggregator.merged_text,
        claim_limiter=StudentLimiter(),
        snapshot=gateway.snapshot,
        clock=now_ms,
        time_zone=settings.time_zone,
        public_url=public_url,
        allowed_origins=settings.allowed_origins,
        lock_limit_ms=settings.lock_seconds * 1000,
        money_rules=_money_rules(settings),
    )


def _with_pages(
    parts: ApiDependencies, settings: Settings, links: tuple[DemoLink, ...]
) -> ApiDependencies:
    facts = PageFacts(
        settings.allowed_origins, settings.public_url or "", settings.login_url or "", links
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
    redis: Redis,
    staleness: StalenessTracker,
    metrics: Metrics,
) -> ClaimDesk:
    on_call = _observe_calls(metrics)
    if not settings.replicas:
        return ClaimDesk(redis, settings.key_prefix, on_call)
    own = await redis_of(stack, settings, staleness)
    return ReplicatedClaimDesk(own, settings.key_prefix, settings.replicas, on_call)


def _observe_calls(metrics: Metrics) -> Callable[[int, float], None]:
    duration = metrics.script_duration.labels("claim")

    def observe(taps: int, seconds: float) -> None:
        metrics.claim_batch_size.observe(taps)
        duration.observe(seconds)

    return observe
