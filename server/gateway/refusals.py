"""Who was not let in, and why: a metric for each, a line in the log for some.

Written to by `connection.py`; one for a gateway. A proxy that is set up wrongly turns a whole class away, and
without a word nobody would know; but a stranger must not fill the disk by being refused.
"""

from typing import Final

import structlog
from prometheus_client import Counter

from server.clock import now_ms
from server.core.rates import Bucket, Rate

LINES: Final = Rate(burst=5, interval_ms=12_000)  # of one reason
_SHOWN_CHARS: Final = 120  # of what a stranger wrote
_log = structlog.get_logger()


class Refusals:
    """`counter` has one label, the reason."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._lines: dict[str, Bucket] = {}
        self._unsaid: dict[str, int] = {}  # reason -> refused since its last line

    def refused(self, reason: str, address: str, host: str | None, origin: str) -> None:
        """A handshake."""
        self._counter.labels(reason).inc()
        if self._may_say(reason):
            _log.info(
                "handshake_refused",
                reason=reason,
                address=address,
                host=(host or "")[:_SHOWN_CHARS],
                origin=origin[:_SHOWN_CHARS],
                more_since_last_line=self._unsaid.pop(reason, 0),
            )

    def fault(self, where: str) -> None:
        """What we did not foresee; called where an exception has been caught."""
        self._counter.labels("fault").inc()
        if self._may_say("fault"):
            _log.exception("connection_failed", where=where)

    def _may_say(self, reason: str) -> bool:
        """Reasons are words of ours: a handful."""
        if not self._lines.setdefault(reason, Bucket()).take(LINES, now_ms()):
            return True
        self._unsaid[reason] = self._unsaid.get(reason, 0) + 1
        return False
