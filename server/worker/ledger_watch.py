"""Wakes jobs that rest when the ledger changes, or when somebody moves the clock.

Made and run by `worker.py`. A job that depends on the ledger and the time alone, and has found nothing to do,
finds nothing before either changes. Without this, thirty jobs would ask some 65 times a second, which costs a
tenth of a core while nobody acts (`python -m tests.benchmarks.idle`).
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from server.clock import now_ms
from server.ledger.change_detector import ChangeDetector
from server.ledger.database_errors import LedgerUnavailableError

_CLOCK_MOVED_MS: Final = 100  # more than between two looks by adjusting its speed


@dataclass(slots=True)
class LedgerWatch:
    """`look_s`: seconds between two looks. Before the first look, `version` is a value of its own."""

    detector: ChangeDetector
    look_s: float
    version: object = field(default_factory=object)
    _seen: str | None = None
    _ahead_ms: float = 0.0  # the clock less the monotonic clock, at the last look
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look until cancelled."""
        self._ahead_ms = _ahead_ms()
        try:
            while True:
                await self.look()
                await asyncio.sleep(self.look_s)
        finally:
            self.wake()
            self.detector.close()

    async def look(self) -> None:
        """Look once. A ledger that is unavailable counts as changed: whoever rests finds out by itself."""
        try:
            seen: str | None = await self.detector.version()
        except LedgerUnavailableError:
            seen = None
        ahead_ms = _ahead_ms()
        has_moved = abs(ahead_ms - self._ahead_ms) > _CLOCK_MOVED_MS
        self._ahead_ms = ahead_ms
        if seen is None or seen != self._seen or has_moved:
            self._seen = seen
            self.wake()

    def wake(self) -> None:
        """Give the ledger a new version, and wake all who wait for one."""
        self.version = object()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for_change(self, version: object, seconds: float) -> None:
        """Wait until the ledger has another version than this one, but no longer than `seconds`."""
        if version is not self.version:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def _ahead_ms() -> float:
    return now_ms() - monotonic() * 1000
