"""What this process has counted, told to the others; and what all have counted, for whoever scrapes.

Made by the composition root for every process; `/metrics` of a web process answers `of_all`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Metric

from server import exposition
from server.desk import DeskUnavailableError
from server.desk.figure_board import FigureBoard

TELL_SECONDS = 5.0
_KEPT_SECONDS = 1.0  # what others said; reading it costs 20 ms for each of them


@dataclass(slots=True)
class Figures:
    """`process` and `host` together name one process of the installation: web processes have the same
    names on every machine."""

    registry: CollectorRegistry
    board: FigureBoard
    process: str
    host: str
    _others: list[Metric] = field(default_factory=list)
    _is_hushed: bool = False
    _read_at: float = -_KEPT_SECONDS
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of_all(self) -> bytes:
        """Of every process that has spoken lately; of this one, as they are now. Where Redis is away, of
        this one alone."""
        async with self._reading:
            if time.monotonic() - self._read_at >= _KEPT_SECONDS:
                self._others = await self._read_others()
                self._read_at = time.monotonic()
        own = exposition.figures_of(self.registry, self._labels)
        # Off the loop: students come first.
        return await asyncio.to_thread(exposition.dump, own, self._others)

    def hush(self) -> None:
        """Tells no more: from now on somebody else may speak under this name."""
        self._is_hushed = True

    async def tell(self) -> None:
        own = exposition.figures_of(self.registry, self._labels)
        await self.board.put(self._name, await asyncio.to_thread(exposition.dump, own))

    async def _read_others(self) -> list[Metric]:
        try:
            texts = await self.board.of_others(self._name)
        except DeskUnavailableError:
            return []
        return await asyncio.to_thread(exposition.parse, texts)

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
