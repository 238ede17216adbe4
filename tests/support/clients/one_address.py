"""Thousands of students with one IP address, in one process: each joins with a token and stays.

A student is a transport and nothing more, so that the server's cost is measured and not the client's.
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
class Arrivals:
    """`waits`: seconds from the attempt to connect to the welcome, one for each student. `lost`: how many
    students were disconnected after their welcome."""

    waits: list[float] = field(default_factory=list)
    lost: int = 0


class _Student(asyncio.Protocol):
    __slots__ = ("_arrivals", "_heard", "_token", "is_in", "transport")
    transport: asyncio.Transport

    def __init__(self, token: str, arrivals: Arrivals) -> None:
        self._token = token
        self._arrivals = arrivals
        self._heard = b""
        self.is_in = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(handshake() + says(type="hello", token=self._token))

    def data_received(self, data: bytes) -> None:
        if self.is_in.done():
            return  # frames to the whole room
        self._heard += data
        if _WELCOME in self._heard:
            self._heard = b""
            self.is_in.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self.is_in.done():
            self._arrivals.lost += 1
        else:
            self.is_in.set_exception(error or EOFError(f"turned away: {self._heard!r}"))


@asynccontextmanager
async def all_in(port: int, tokens: Sequence[str]) -> AsyncIterator[Arrivals]:
    """Connect all students, `_AT_ONCE` at a time; inside the context all are in the room."""
    arrivals, turns = Arrivals(), asyncio.Semaphore(_AT_ONCE)
    transports: list[asyncio.Transport] = []

    async def come(token: str) -> None:
        async with turns:
            begun = time.perf_counter()
            _, student = await asyncio.get_running_loop().create_connection(
                lambda: _Student(token, arrivals), "127.0.0.1", port
            )
            transports.append(student.transport)
            async with asyncio.timeout(_GIVE_UP_S):
                await student.is_in
            arrivals.waits.append(time.perf_counter() - begun)

    try:
        async with asyncio.TaskGroup() as tasks:
            for token in tokens:
                tasks.create_task(come(token))
        yield arrivals
    finally:
        for transport in transports:
            transport.abort()
