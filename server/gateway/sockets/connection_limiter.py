"""Limits for clients that have not shown a good token yet, and the penalty for bad tokens.

Used by `ProtocolSwitch`, by HTTP and by sockets; one for a process. No address is ever refused: a campus of
10,000 students may share one address, and one of them must not lock out the others. Instead, when the process
is full, the unauthenticated connection that has waited longest is aborted; and after many bad tokens from one
address, the next bad ones are refused after a delay (decisions/0016).
"""

import asyncio
from typing import Final

from server.core.rates import Bucket, Rate

BAD_TOKENS: Final = Rate(burst=200, interval_ms=100)  # of one address that are refused at once
REFUSED_LATER_SECONDS: Final = 2.0
MAX_SOCKETS: Final = 19_500  # with a good token; a process may usually open 20,000 files
SPARE: Final = 300  # connections beyond, so that a full process can still answer 503


class ConnectionLimiter:
    """`max_sockets`: how many files this process may have open, less some for itself and `spare`."""

    def __init__(self, max_sockets: int = MAX_SOCKETS, spare: int = SPARE) -> None:
        self._max_sockets = max_sockets
        self._spare = spare
        # Connections from which a request or a hello is due, the one that has waited longest first.
        self._waiting: dict[asyncio.Transport, None] = {}
        self._bad_token_buckets: dict[str, Bucket] = {}  # by address
        self.sockets = 0  # that have shown a good token
        self.requests = 0  # that wait for our response

    @property
    def is_full(self) -> bool:
        """True when every slot is taken by an authenticated socket: there is none that we may evict."""
        return self.sockets >= self._max_sockets

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # --- connections --------------------------------------------------------------------------

    def opened(self, transport: asyncio.Transport) -> None:
        """Count a connection as waiting. May be repeated: its place is that of the first call. When the
        process is full, abort the one that has waited longest. An honest client has long said hello before
        its turn comes."""
        if transport in self._waiting:
            return
        self._waiting[transport] = None
        if len(self._waiting) + self.sockets + self.requests > self._max_sockets + self._spare:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def authenticated(self, transport: asyncio.Transport) -> None:
        """Count a socket whose token is good."""
        self._waiting.pop(transport, None)
        self.sockets += 1

    def request_received(self, transport: asyncio.Transport) -> None:
        """Count a whole HTTP request: from now on the client waits for us."""
        self._waiting.pop(transport, None)
        self.requests += 1

    def response_sent(self, transport: asyncio.Transport) -> None:
        self.requests -= 1
        self.opened(transport)

    def closed(
        self,
        transport: asyncio.Transport,
        *,
        was_authenticated: bool = False,
        was_answering: bool = False,
    ) -> None:
        """`was_answering`: between `request_received` and `response_sent`."""
        self._waiting.pop(transport, None)
        self.sockets -= was_authenticated
        self.requests -= was_answering

    # --- bad tokens ---------------------------------------------------------------------------

    def penalty_for_bad_token(self, address: str, now: int) -> float:
        """Count a bad token. Return in how many seconds it is to be refused."""
        bucket = self._bad_token_buckets.setdefault(address, Bucket())
        return REFUSED_LATER_SECONDS if bucket.take(BAD_TOKENS, now) else 0.0

    def prune(self, now: int) -> None:
        """Forget addresses without bad tokens for a while. Called every few seconds."""
        full = [a for a, b in self._bad_token_buckets.items() if b.is_full(BAD_TOKENS, now)]
        for address in full:
            del self._bad_token_buckets[address]
