"""The dependencies of the API, passed in by the composition root.

Read by `app.py` and the handlers. The limiter is a Protocol, so that a test can pass a simple fake.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.api.http.code_limits import GuessLimiter
from server.api.http.drop_lookup import DropLookup
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.redemptions import LOCK_LIMIT_MS
from server.core.identity import Identity
from server.desk.claim_desk import ClaimDesk
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.health import Health
from server.ledger.engine import Ledger
from server.metrics import Metrics
from server.tokens import TokenKeys

REQUEST_DEADLINE_S = 10.0


class ClaimLimiter(Protocol):
    """A rate limit of claims over HTTP: one token bucket for each student."""

    def admit(self, student: str, now_ms: int) -> int | None:
        """Return None where the claim may proceed, else the ms to wait before the next one."""


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """Every object and limit that the handlers use.

    `metrics_text()` returns the body of `/metrics`. `snapshot(room, identity)` returns the bytes of the
    socket's `welcome`. `clock()` returns ms since 1970 UTC. `public_url` and `allowed_origins` are origins
    (`https://school.example`). `lock_limit_ms`: how long coupons stay locked while a student pays.
    `lost_page(request, status)` returns the page for a browser whose URL leads nowhere.
    """

    ledger: Ledger
    drop_desk: DropDesk
    claim_desk: ClaimDesk
    feed: Feed
    drop_lookup: DropLookup
    token_keys: TokenKeys
    health: Health
    metrics: Metrics
    metrics_text: Callable[[], Awaitable[bytes]]
    claim_limiter: ClaimLimiter
    snapshot: Callable[[str, Identity], Awaitable[bytes]]
    clock: Callable[[], int]
    time_zone: ZoneInfo
    public_url: str = ""
    allowed_origins: tuple[str, ...] = ()
    money_rules: MoneyRules = USUAL_RULES
    deadline_s: float = REQUEST_DEADLINE_S
    lock_limit_ms: int = LOCK_LIMIT_MS
    extra_routes: Sequence[BaseRoute] = ()
    lost_page: Callable[[Request, int], Response] | None = None
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)
