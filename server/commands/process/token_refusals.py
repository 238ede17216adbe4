"""Log why tokens are refused, for the school's developers; never a token or its subject.

Made by the composition root of a web process. Called by `TokenKeys`, for the API and for sockets.
"""

import time
from collections import Counter
from collections.abc import Callable

import structlog

from server.tokens import TokenInvalidError

_INTERVAL_SECONDS = 1.0
_log = structlog.get_logger()


class TokenRefusalLog:
    """Logs at most one line a second for each reason, with the count since the last line.

    Anybody can send ten thousand bad tokens, so a line for each would fill the log.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged_at: dict[str, float] = {}
        self._unlogged: Counter[str] = Counter()

    def note(self, error: TokenInvalidError) -> None:
        # The number of distinct texts is small: a claim's name appears only where the signature is valid.
        words = str(error)
        self._unlogged[words] += 1
        now = self._clock()
        if now - self._logged_at.get(words, -_INTERVAL_SECONDS) < _INTERVAL_SECONDS:
            return
        self._logged_at[words] = now
        count = self._unlogged.pop(words)
        _log.info("token_refused", reason=error.reason, claim=error.claim, count=count)
