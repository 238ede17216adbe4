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

from server.api.http.caches.drop_lookup import DropLookup
from server.api.http.caches.link_cards import LinkCards
from server.api.http.limits.claim_limits import SPINS, StudentLimiter
from server.api.http.limits.code_limits import GuessLimiter
from server.core.access.in_force import AccessRules
from server.core.approvals.approvals import NO_LIMITS, SendLimits
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.redemptions import LOCK_LIMIT_MS
from server.core.drops.invite_rule import EVERYWHERE, InviteRule
from server.core.identity import Identity
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.drops.drop_desk import DropDesk
from server.desk.feed.feed import Feed
from server.flows.approvals.approvals import Appliers
from server.flows.coupons.issuing.approve_issuances import APPLIERS
from server.flows.draws.show_draw import DrawDocuments
from server.flows.drops.views.receipts import Receipts
from server.flows.events.event_pages import EventWaiters
from server.flows.events.send_messages import USUAL_POLICY, MessagePolicy
from server.flows.lotteries.spin_queue import SpinQueue
from server.ledger.engine import Ledger
from server.observability.health import Health
from server.observability.metrics import Metrics
from server.observability.tracing import Traces
from server.sheets.programs import Programs
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
    (`https://school.example`); `pages_url` is where browsers reach the pages, public_url where that is set.
    `lock_limit_ms`: how long coupons stay locked while a student pays.
    `invites`: which channels allow tasks to invite.
    `undo_ms`: how long an operator may undo coupons for many before they go out; `send_limits`: what they may
    send without a second one. `approval_ms`: how long an approval waits, 0: for ever. `appliers` carry out
    what is approved.
    `support_a_day`: how many coupons a person of support may give on a day.
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
    undo_ms: int = 600_000
    support_a_day: int = 20
    send_limits: SendLimits = NO_LIMITS
    approval_ms: int = 0
    appliers: Appliers = field(default_factory=lambda: APPLIERS)
    invites: InviteRule = EVERYWHERE
    extra_routes: Sequence[BaseRoute] = ()
    lost_page: Callable[[Request, int], Response] | None = None
    message_policy: MessagePolicy = USUAL_POLICY
    access: AccessRules = field(default_factory=AccessRules)
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)
    event_waiters: EventWaiters = field(default_factory=EventWaiters)
    spin_queue: SpinQueue = field(default_factory=SpinQueue)
    spin_limiter: ClaimLimiter = field(default_factory=lambda: StudentLimiter(SPINS))
    draw_documents: DrawDocuments = field(default_factory=DrawDocuments)
    receipts: Receipts = field(default_factory=Receipts)
    webhook_private: bool = False
    programs: Programs = field(default_factory=Programs)
    link_cards: LinkCards = field(default_factory=LinkCards)
    pages_url: str = ""
    traces: Traces | None = None
