"""The processes of one program behind its one port: which of them answers, and what each has done.

The kernel deals connections out, so a test that says "on the other process" has to know where it is:
`/metrics` names the process that took the connection.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.crowd import http_client
from tests.support.eventually import eventually
from tests.support.stack import Program

_START_SECONDS = 30.0  # of several processes at once, on two busy cores
_KNOCKS = 64  # one of two processes is missed by all of them once in 2**63


@dataclass(frozen=True, slots=True)
class Door:
    """One connection to one process. To be used at once: when it has been idle it is closed, and its
    successor may go elsewhere (`process` tells)."""

    client: httpx.AsyncClient

    async def process(self) -> str:
        return next(iter(await self._samples())).labels["process"]

    async def count(self, name: str, **labels: str) -> float:
        """A figure of this process; what has these labels is added up."""
        wanted = labels.items()
        return sum(
            sample.value
            for sample in await self._samples()
            if sample.name == name and wanted <= sample.labels.items()
        )

    async def _samples(self) -> list[Sample]:
        text = (await self.client.get("/metrics")).text
        return [s for family in text_string_to_metric_families(text) for s in family.samples]


async def until_all_serve(program: Program, processes: int) -> None:
    """Until so many processes take connections, and the program says that it is ready."""
    await program.until_ready(_START_SECONDS)

    async def all_answer() -> bool:
        async with a_door_to_each(program, processes):
            return True

    await eventually(all_answer, _START_SECONDS)


@asynccontextmanager
async def a_door_to_each(program: Program, processes: int) -> AsyncIterator[list[Door]]:
    doors: dict[str, Door] = {}
    async with AsyncExitStack() as stack:
        for _ in range(_KNOCKS):
            client = await stack.enter_async_context(http_client(program.url, connections=1))
            door = Door(client)
            doors[await door.process()] = door
            if len(doors) == processes:
                break
        assert len(doors) == processes, f"of {processes} only {sorted(doors)} answered"
        yield list(doors.values())
