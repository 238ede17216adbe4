"""A minimal HTTP/1.1 client over one connection: the tester must not cost more than the server.

Used by scenarios of the bench that send many small requests.
"""

import asyncio
import json
from typing import Any

from loadtest.clients.websocket_codec import Address


class HttpConnection:
    """One connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, url: str) -> "HttpConnection":
        address = Address.of(url)
        return cls(*await asyncio.open_connection(address.host, address.port))

    async def post(self, path: str, body: object, token: str) -> tuple[int, dict[str, Any]]:
        content = json.dumps(body).encode()
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        answer: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        return int(head[9:12]), answer

    def close(self) -> None:
        self._writer.close()
