"""Who may be here: limits for those who have not shown a good token yet, and for bad ones.

Asked by the front door, by HTTP and by sockets. Nobody is turned away for their address: a campus of
10,000 behind one address is no flood, and one bad neighbour must not shut the door for it. Instead whoever
has kept us waiting longest goes when the house is full, and bad tokens are refused ever more slowly
(decisions/0016).
"""

import asyncio

from server.core.rates import Bucket, Rate

BAD_TOKENS = Rate(burst=200, interval_ms=100)  # of one address that are refused at once
REFUSED_LATER_SECONDS = 2.0
MAX_SOCKETS = 19_500  # with a good token; a machine here allows 20,000 open files
SPARE = 300  # connections beyond, so that who comes when it is full can be told so


class ConnectionLimiter:
    """`max_sockets`: how many files this process may have open, less some for itself and `SPARE`."""

    def __init__(self, max_sockets: int = MAX_SOCKETS) -> None:
        self._max_sockets = max_sockets
        # Connections that owe us a request or a hello, in the order in which they began to.
        self._waiting: dict[asyncio.Transport, None] = {}
        self._offenders: dict[str, Bucket] = {}
        self.sockets = 0  # that have shown a good token
        self.requests = 0  # that we owe an answer

    @property
    def is_full(self) -> bool:
        """With people who may be here: nobody can be asked to make room."""
        return self.sockets >= self._max_sockets

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # --- connections --------------------------------------------------------------------------

    def came(self, transport: asyncio.Transport) -> None:
        """It owes us something. Repeatable: the first time counts. In a full house the one that has
        waited longest is cut off; who means well has said hello long before its turn comes."""
        if transport in self._waiting:
            return
        self._waiting[transport] = None
        if len(self._waiting) + self.sockets + self.requests > self._max_sockets + SPARE:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def has_shown_token(self, transport: asyncio.Transport) -> None:
        self._waiting.pop(transport, None)
        self.sockets += 1

    def has_asked(self, transport: asyncio.Transport) -> None:
        """A whole request: now it waits for us."""
        self._waiting.pop(transport, None)
        self.requests += 1

    def was_answered(self, transport: asyncio.Transport) -> None:
        self.requests -= 1
        self.came(transport)

    def left(
        self, transport: asyncio.Transport, *, had_token: bool = False, had_asked: bool = False
    ) -> None:
        self._waiting.pop(transport, None)
        self.sockets -= had_token
        self.requests -= had_asked

    # --- bad tokens ---------------------------------------------------------------------------

    def blame(self, address: str, now: int) -> float:
        """Showed a bad token. In how many seconds it is to be told so."""
        offender = self._offenders.setdefault(address, Bucket())
        return REFUSED_LATER_SECONDS if offender.take(BAD_TOKENS, now) else 0.0

    def forget_reformed(self, now: int) -> None:
        """Called every few seconds: addresses that have been good for a while."""
        reformed = [a for a, bucket in self._offenders.items() if bucket.is_full(BAD_TOKENS, now)]
        for address in reformed:
            del self._offenders[address]
