"""The parts of a gateway, which the composition root gives to `factory.py`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from server.core.access.in_force import AccessRules
from server.core.addresses import TrustedProxies
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.desk.feed.subscription import Subscription
from server.gateway.cadence import Cadence
from server.gateway.sockets.connection_limiter import MAX_SOCKETS
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.observability.tracing import Traces
from server.tokens import TokenKeys

JOINS_PER_SECOND = 10_000  # that one process lets in: a whole class that joins at once is no attack


def _ignore() -> None:
    return


async def _never_waits(_room: str, _drop_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """`subscription` is the gateway's own. `allowed_origins` are scheme://host[:port], without a slash.
    `access`: who is blocked, and which tokens are revoked; `look_at_access` reads them from the ledger soon.
    `waits_to_open`: whether the room has this drop prepared, so that no student sees it yet.
    """

    gateway_id: str
    keys: TokenKeys
    claim_desk: ClaimDesk
    drop_desk: DropDesk
    feed: Feed
    subscription: Subscription
    metrics: Metrics
    health: Health
    allowed_origins: frozenset[str]
    access: AccessRules = field(default_factory=AccessRules)
    look_at_access: Callable[[], None] = _ignore
    waits_to_open: Callable[[str, str], Awaitable[bool]] = _never_waits
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    joins_per_second: int = JOINS_PER_SECOND
    max_sockets: int = MAX_SOCKETS
    cadence: Cadence = field(default_factory=Cadence)
    traces: Traces | None = None
