"""Log why tokens are refused, for whoever makes the school's tokens; never a token, nor whose it is.

Made by the composition root of a web process, called by `TokenKeys` for API and sockets alike.
"""

import time
from collections import Counter
from collections.abc import Callable

import structlog

from server.tokens import TokenInvalidError

_QUIET_SECONDS = 1.0
_log = structlog.get_logger()


class RefusedTokens:
    """One line a second for each reason, with how many there were since the last one: anybody can send
    ten thousand bad tokens."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def note(self, error: TokenInvalidError) -> None:
        # Claims come with good signatures only, and have the few names that are looked at.
        words = str(error)
        self._unsaid[words] += 1
        now = self._clock()
        if now - self._said_at.get(words, -_QUIET_SECONDS) < _QUIET_SECONDS:
            return
        self._said_at[words] = now
        count = self._unsaid.pop(words)
        _log.info("token_refused", reason=error.reason, claim=error.claim, count=count)
