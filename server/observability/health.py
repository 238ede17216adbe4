"""The health of one process: whether it is alive (`/livez`) and whether it is ready (`/readyz`).

Made once for each process by the commands; every part reports its own state. A leaf: knows the parts only
by name.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from server.observability.logs import redacted
from server.observability.metrics import Metrics

_LOOP_BEAT_S = 0.5
_LOOP_DEAD_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class _Report:
    ok: bool
    detail: str
    at: float
    good_until: float | None


@dataclass(slots=True)
class Health:
    """The last report of each part. A part that has never reported is unhealthy."""

    parts: Sequence[str] = ("redis", "fence", "ledger", "feed")
    draining: bool = False
    clock: Callable[[], float] = time.monotonic  # seconds
    _reports: dict[str, _Report] = field(default_factory=dict)
    _last_beat: float | None = None

    def report(
        self, part: str, ok: bool, detail: str = "", good_for_s: float | None = None
    ) -> None:
        """Record the state of a part. A report expires after `good_for_s` seconds; None: never."""
        now = self.clock()
        until = None if good_for_s is None else now + good_for_s
        self._reports[part] = _Report(ok, redacted(detail), now, until)

    def drain(self) -> None:
        """Become not ready, so that balancers stop sending connections before we close the old ones."""
        self.draining = True

    def beat(self) -> None:
        """Record that the event loop runs (see `watch_loop`)."""
        self._last_beat = self.clock()

    async def livez(self) -> tuple[bool, Mapping[str, object]]:
        """Return whether the event loop runs, with details.

        Depends on nothing outside the process: a restart would not bring a lost Redis back.
        """
        age = None if self._last_beat is None else self.clock() - self._last_beat
        ok = age is None or age < _LOOP_DEAD_AFTER_S
        return ok, {"ok": ok, "loop_beat_age_seconds": age and round(age, 3)}

    async def readyz(self) -> tuple[bool, Mapping[str, object]]:
        """Return whether all parts are healthy and the process is not draining, with details by part."""
        names = dict.fromkeys([*self.parts, *self._reports])
        parts = {name: self._state_of(name) for name in names}
        ok = not self.draining and all(part["ok"] for part in parts.values())
        return ok, {"ok": ok, "draining": self.draining, "parts": parts}

    def _state_of(self, name: str) -> dict[str, object]:
        report = self._reports.get(name)
        if report is None:
            return {"ok": False, "detail": "has not reported yet"}
        now = self.clock()
        age = round(now - report.at, 3)
        if report.good_until is not None and now > report.good_until:
            return {
                "ok": False,
                "detail": f"silent; last said: {report.detail}",
                "age_seconds": age,
            }
        return {"ok": report.ok, "detail": report.detail, "age_seconds": age}


async def watch_loop(metrics: Metrics, health: Health) -> None:
    """Measure how late timers run, until cancelled. Run one in each process."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LOOP_BEAT_S
        await asyncio.sleep(_LOOP_BEAT_S)
        metrics.loop_lag.observe(max(0.0, loop.time() - due))
        health.beat()
