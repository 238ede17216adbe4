"""A small server for tests of a client: it sends a welcome, keeps what it receives, and sends what a test
gives it. `test_client_python` uses it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from client_sdk.python.frames import SUBPROTOCOL
from tests.contract.scripted_sessions import filled

DEADLINE_S = 5


class TinyServer:
    def __init__(self) -> None:
        self.url = ""
        self.welcome: Mapping[str, Any] = {"use": "welcome", "drops": [{"use": "drop"}]}
        self.instead_of_welcome: list[int] = []  # close codes for the next who say hello
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._room: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def serve(self, connection: ServerConnection) -> None:
        await self._room.put(connection)
        async for message in connection:
            frame = json.loads(message)
            await self._heard.put(frame)
            if frame["type"] != "hello":
                continue
            if self.instead_of_welcome:
                await connection.close(self.instead_of_welcome.pop(0))
            else:
                await connection.send(json.dumps(filled(self.welcome)))

    async def joined(self) -> ServerConnection:
        """Wait for the next connection."""
        async with asyncio.timeout(DEADLINE_S):
            return await self._room.get()

    async def heard(self, kind: str) -> dict[str, Any]:
        """Wait for the next frame of this type; skip others before it."""
        async with asyncio.timeout(DEADLINE_S):
            while (frame := await self._heard.get())["type"] != kind:
                pass
        return frame


async def say(connection: ServerConnection, frame: Mapping[str, Any]) -> None:
    await connection.send(json.dumps(filled(frame)))


@asynccontextmanager
async def tiny_server() -> AsyncIterator[TinyServer]:
    tiny = TinyServer()
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    async with serve(tiny.serve, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        tiny.url = f"http://127.0.0.1:{_port(server)}"
        yield tiny


def _port(server: Server) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])
