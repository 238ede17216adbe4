"""Thousands of students of one address, in one process: each comes in with a token and stays. Nothing is made
for one of them but a transport, so that the server is what is measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.clients.raw_socket import handshake, says

_AT_ONCE = 256
_GIVE_UP_S = 60.0
_WELCOME = b'{"type":"welcome"'


@dataclass(slots=True)
class Campus:
    """`waits`: seconds from the wish to connect to the welcome. `lost`: who was in and is not any more."""

    waits: list[float] = field(default_factory=list)
    lost: int = 0


class _Student(asyncio.Protocol):
    __slots__ = ("_campus", "_heard", "_token", "is_in", "transport")
    transport: asyncio.Transport

    def __init__(self, token: str, campus: Campus) -> None:
        self._token = token
        self._campus = campus
        self._heard = b""
        self.is_in = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(handshake() + says(type="hello", token=self._token))

    def data_received(self, data: bytes) -> None:
        if self.is_in.done():
            return  # what everybody is told
        self._heard += data
        if _WELCOME in self._heard:
            self._heard = b""
            self.is_in.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_in.done():
            self._campus.lost += 1
        else:
            self.is_in.set_exception(error or EOFError(f"turned away: {self._heard!r}"))


@asynccontextmanager
async def all_in(port: int, tokens: Sequence[str]) -> AsyncIterator[Campus]:
    """Inside of it all of them are in the room, some hundreds having come at a time."""
    campus, turns = Campus(), asyncio.Semaphore(_AT_ONCE)
    transports: list[asyncio.Transport] = []

    async def come(token: str) -> None:
        async with turns:
            begun = time.perf_counter()
            _, student = await asyncio.get_running_loop().create_connection(
                lambda: _Student(token, campus), "127.0.0.1", port
            )
            transports.append(student.transport)
            async with asyncio.timeout(_GIVE_UP_S):
                await student.is_in
            campus.waits.append(time.perf_counter() - begun)

    try:
        async with asyncio.TaskGroup() as tasks:
            for token in tokens:
                tasks.create_task(come(token))
        yield campus
    finally:
        for transport in transports:
            transport.abort()
