"""A hostile program: `python -m tests.support.flooder PORT KIND SECONDS`, as fast as one process can.

A process of its own, so that what it costs is the server's and not the test's. Prints how many
connections it made.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

from tests.support.raw_socket import CONT, PING, frame, handshake, says

_AT_ONCE = 64
_ANSWER_SECONDS = 5.0

Flood = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def bad_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(says(type="hello", token="x.y.z"))
    async with asyncio.timeout(_ANSWER_SECONDS):
        await reader.read(1_000)


async def no_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Comes and goes."""
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")


async def pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b"", PING) * 40_000)
    async with asyncio.timeout(_ANSWER_SECONDS):
        while await reader.read(65_536):
            pass


async def pieces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b"", fin=False) + frame(b"", CONT, fin=False) * 40_000)
    async with asyncio.timeout(_ANSWER_SECONDS):
        while await reader.read(65_536):
            pass


FLOODS: dict[str, Flood] = {flood.__name__: flood for flood in (bad_token, no_hello, pings, pieces)}


async def _again_and_again(port: int, flood: Flood, until: float) -> int:
    made = 0
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            made += 1
            await flood(reader, writer)
        except (ConnectionError, EOFError, TimeoutError):
            continue
        finally:
            if made:
                writer.transport.abort()
    return made


async def _flood(port: int, kind: str, seconds: float) -> int:
    until = time.monotonic() + seconds
    jobs = [_again_and_again(port, FLOODS[kind], until) for _ in range(_AT_ONCE)]
    return sum(await asyncio.gather(*jobs))


if __name__ == "__main__":
    count = asyncio.run(_flood(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
    sys.stdout.write(f"{count}\n")
