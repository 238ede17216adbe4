"""What this process has counted, told to the others; and what all have counted, for whoever scrapes.

Made by the composition root for every process; `/metrics` of a web process answers `of_all`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf

from prometheus_client import CollectorRegistry

from server import exposition
from server.desk import DeskUnavailableError
from server.desk.metrics_store import MetricsStore
from server.single_flight import SingleFlight

TELL_SECONDS = 5.0
_KEPT_SECONDS = 1.0


@dataclass(slots=True)
class Figures:
    """`process` and `host` together name one process of the installation: web processes have the same
    names on every machine."""

    registry: CollectorRegistry
    board: MetricsStore
    process: str
    host: str
    _is_hushed: bool = False
    _answer: bytes = b""
    _made_at: float = -inf
    _making: SingleFlight[str, bytes] = field(default_factory=SingleFlight)

    async def of_all(self) -> bytes:
        """Of every process that has spoken lately; where Redis is away, of this one alone. Made at most
        once a second, however many ask: `/metrics` wants no token."""
        if time.monotonic() - self._made_at < _KEPT_SECONDS:
            return self._answer
        return await self._making.share("", self._make)

    async def _make(self) -> bytes:
        others = await self._read_others()
        self._answer = await asyncio.to_thread(self._merged, others)
        self._made_at = time.monotonic()
        return self._answer

    def hush(self) -> None:
        """Tells no more: from now on somebody else may speak under this name."""
        self._is_hushed = True

    async def tell(self) -> None:
        await self.board.put(self._name, await asyncio.to_thread(self._own))

    async def _read_others(self) -> list[bytes]:
        try:
            return await self.board.read_others(self._name)
        except DeskUnavailableError:
            return []

    # Both in a thread: 30 ms in which students come first.

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
    async def told(self) -> AsyncIterator[None]:
        """Told as long as this context lasts."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self._keep_telling())
            yield
            task.cancel()

    async def _keep_telling(self) -> None:
        while not self._is_hushed:
            # Readiness says that Redis is away; figures are told when it is back.
            with suppress(DeskUnavailableError):
                await self.tell()
            await asyncio.sleep(TELL_SECONDS)
