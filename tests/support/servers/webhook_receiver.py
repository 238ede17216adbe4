"""A receiver of webhooks on a port of its own, which answers as a test says and keeps what it got."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from server.flows.events.receiver_client import ReceiverClient


@dataclass(frozen=True, slots=True)
class Received:
    """One call, with its headers in small letters."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = orjson.loads(self.body)
        assert isinstance(found, dict)
        return found


async def good(_: Received) -> str:
    return "204 No Content"


@dataclass(slots=True)
class Receiver:
    """`answer(call)` returns the status line, and further header lines after it."""

    port: int = 0
    calls: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Awaitable[str]] = good

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=1"

    def answers(self, *lines: str) -> None:
        """Answer with these status lines, one after the other; the last one for good."""
        rest = list(lines)

        async def next_line(_: Received) -> str:
            return rest.pop(0) if len(rest) > 1 else rest[0]

        self.answer = next_line

    def events(self) -> list[dict[str, Any]]:
        """Return the events of all calls, as they came, in batches."""
        return [event for call in self.calls for event in call.json["data"]["events"]]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = head.split("\r\n")[1:-2]
                headers = {
                    name.lower(): value
                    for name, _, value in (line.partition(": ") for line in lines)
                }
                body = await reader.readexactly(int(headers["content-length"]))
                call = Received(headers, body)
                self.calls.append(call)
                line = await self.answer(call)
                writer.write(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client, or the test, has gone
        finally:
            writer.close()


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


@asynccontextmanager
async def a_client(*, allows_private: bool = True, **more: Any) -> AsyncIterator[ReceiverClient]:
    client = ReceiverClient(allows_private=allows_private, **more)
    try:
        yield client
    finally:
        await client.aclose()
