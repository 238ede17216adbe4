"""Counts refused handshakes and unexpected errors, and logs some of them.

Used by the wire protocols and `connection.py`; one for a gateway. A proxy that is configured wrongly gets a
whole class refused, so refusals must show in the log; but a stranger must not be able to fill the disk with
them.
"""

from typing import Final

import structlog
from prometheus_client import Counter

from server.clock import now_ms
from server.core.rates import Bucket, Rate

LINES: Final = Rate(burst=5, interval_ms=12_000)  # log lines of one reason
_SHOWN_CHARS: Final = 120  # of a header that a stranger sent
_log = structlog.get_logger()


class Refusals:
    """`counter` has one label, the reason."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._lines: dict[str, Bucket] = {}
        self._not_logged: dict[str, int] = {}  # reason -> refused since its last line

    def refused(self, reason: str, address: str, host: str | None, origin: str) -> None:
        """Count a refused handshake. `address` is the peer's; `host` and `origin` are headers."""
        self._counter.labels(reason).inc()
        if self._may_log(reason):
            _log.info(
                "handshake_refused",
                reason=reason,
                address=address,
                host=(host or "")[:_SHOWN_CHARS],
                origin=origin[:_SHOWN_CHARS],
                more_since_last_line=self._not_logged.pop(reason, 0),
            )

    def fault(self, where: str) -> None:
        """Count an unexpected error. Call it from the `except` block."""
        self._counter.labels("fault").inc()
        if self._may_log("fault"):
            _log.exception("connection_failed", where=where)

    def _may_log(self, reason: str) -> bool:
        """Return whether a line may be logged. The dict is bounded: reasons are our own words, a handful."""
        if not self._lines.setdefault(reason, Bucket()).take(LINES, now_ms()):
            return True
        self._not_logged[reason] = self._not_logged.get(reason, 0) + 1
        return False
