"""What the API is made of: handed in whole by the composition root, never looked up.

Read by `app.py` and the handlers. Protocols name what the API needs of its neighbours, so that a
test can hand in the smallest thing that has it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from server.api.http.code_limits import GuessLimiter
from server.api.http.drop_lookup import DropFacts
from server.core.checkout.money_rules import USUAL_RULES, MoneyRules
from server.core.checkout.redemptions import LOCK_LIMIT_MS
from server.core.identity import Identity
from server.desk.claim_desk import ClaimDesk
from server.desk.drop_desk import DropDesk
from server.desk.feed import Feed
from server.ledger.engine import Ledger
from server.telemetry import Health, Metrics
from server.tokens import TokenKeys

REQUEST_DEADLINE_S = 10.0


class ClaimLimiter(Protocol):
    """How often one student may ask; a token bucket per student."""

    def admit(self, student: str, now_ms: int) -> int | None:
        """None where the claim may go on, else the ms to wait before the next one."""


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """`public_url` and `allowed_origins` are origins (`https://school.example`). `figures()` answers
    what `/metrics` says. `snapshot(room, identity)` answers the bytes of the socket's `welcome`.
    `lost_page` answers a browser whose address leads nowhere.
    `clock` is ms since 1970 UTC. `lock_limit_ms`: how long a student may take to pay."""

    ledger: Ledger
    drop_desk: DropDesk
    claim_desk: ClaimDesk
    feed: Feed
    token_keys: TokenKeys
    health: Health
    metrics: Metrics
    figures: Callable[[], Awaitable[bytes]]
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
    drop_facts: DropFacts = field(init=False)
    guess_limiter: GuessLimiter = field(default_factory=GuessLimiter)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drop_facts", DropFacts(self.feed))
