"""Publish this process' metrics to Redis, and merge those of all processes for `/metrics`.

Made by the composition root for every process. `/metrics` of a web process returns `merged_text`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf

from prometheus_client import CollectorRegistry

from server.desk import DeskUnavailableError
from server.desk.metrics_store import MetricsStore
from server.observability import exposition
from server.single_flight import SingleFlight

PUBLISH_SECONDS = 5.0
_CACHE_SECONDS = 1.0


@dataclass(slots=True)
class MetricsAggregator:
    """The metrics of this process and of all others.

    `process` and `host` together identify a process of the installation: the names of web processes are
    the same on every machine.
    """

    registry: CollectorRegistry
    metrics_store: MetricsStore
    process: str
    host: str
    _is_stopped: bool = False
    _answer: bytes = b""
    _made_at: float = -inf
    _making: SingleFlight[str, bytes] = field(default_factory=SingleFlight)

    async def merged_text(self) -> bytes:
        """Return the metrics of every process that published lately, in Prometheus' text format.

        Where Redis does not respond, they are those of this process alone. The text is made at most once a
        second, because `/metrics` needs no token and anybody may ask.
        """
        if time.monotonic() - self._made_at < _CACHE_SECONDS:
            return self._answer
        return await self._making.run("", self._make)

    async def _make(self) -> bytes:
        others = await self._read_others()
        self._answer = await asyncio.to_thread(self._merged, others)
        self._made_at = time.monotonic()
        return self._answer

    def stop_publishing(self) -> None:
        """Stop publishing: a process that replaces this one publishes under the same name."""
        self._is_stopped = True

    async def publish(self) -> None:
        """Write this process' metrics to Redis once. Raises DeskUnavailableError."""
        await self.metrics_store.put(self._name, await asyncio.to_thread(self._own))

    async def _read_others(self) -> list[bytes]:
        try:
            return await self.metrics_store.read_others(self._name)
        except DeskUnavailableError:
            return []

    # Both run in a thread: they take 30 ms, in which the event loop must serve students.

    def _own(self) -> bytes:
        return exposition.dump(self.registry, self._labels)

    def _merged(self, others: Sequence[bytes]) -> bytes:
        return exposition.merge([self._own(), *others])

    @property
    def _labels(self) -> Mapping[str, str]:
        return {"process": self.process, "host": self.host}

    @property
    def _name(self) -> str:
        return f"{self.process}@{self.host}"

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[None]:
        """Publish repeatedly as long as this context lasts."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self._publish_repeatedly())
            yield
            task.cancel()

    async def _publish_repeatedly(self) -> None:
        while not self._is_stopped:
            # /readyz reports that Redis is away; the next round publishes again.
            with suppress(DeskUnavailableError):
                await self.publish()
            await asyncio.sleep(PUBLISH_SECONDS)
