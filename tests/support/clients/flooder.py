"""A hostile program: `python -m tests.support.clients.flooder PORT KIND SECONDS`, as fast as one process can.

A process of its own, so that what it costs is the server's and not the test's. Ends by itself, or at
SIGTERM, and prints as JSON how many connections it made, and the close codes that it was turned away with,
as far as it looks; BEGUN with the first of these.
"""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.support.clients.raw_socket import CLOSE, CONT, PING, frame, handshake, says

_AT_ONCE = 64
_ANSWER_SECONDS = 5.0

BEGUN = "begun\n"
_codes: Counter[int] = Counter()  # of this process
_made: list[int] = []
Flood = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def bad_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(says(type="hello", token="x.y.z"))
    async with asyncio.timeout(_ANSWER_SECONDS):
        await reader.read(1_000)


async def no_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _turned_away(reader, writer, says(type="hello"))


async def wrong_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a bad token, as `bad_token` does, and wait for the refusal."""
    await _turned_away(reader, writer, says(type="hello", token="x.y.z"))


async def _turned_away(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: bytes
) -> None:
    writer.write(handshake())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(hello)
    async with asyncio.timeout(_ANSWER_SECONDS):
        while (head := await reader.readexactly(2))[0] & 0xF != CLOSE:
            size = head[1] if head[1] < 126 else int.from_bytes(await reader.readexactly(2))
            await reader.readexactly(size)
        code = int.from_bytes(await reader.readexactly(2))
    if not _codes:
        sys.stdout.write(BEGUN)
        sys.stdout.flush()
    _codes[code] += 1


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


FLOODS: dict[str, Flood] = {
    flood.__name__: flood for flood in (bad_token, no_token, wrong_token, no_hello, pings, pieces)
}


async def _again_and_again(port: int, flood: Flood) -> None:
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            continue
        try:
            _made.append(port)
            await flood(reader, writer)
        except (ConnectionError, EOFError, TimeoutError):
            continue
        finally:
            writer.transport.abort()


async def _flood(port: int, kind: str, seconds: float) -> None:
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    jobs = [asyncio.create_task(_again_and_again(port, FLOODS[kind])) for _ in range(_AT_ONCE)]
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)


if __name__ == "__main__":
    asyncio.run(_flood(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
    sys.stdout.write(json.dumps({"connections": len(_made), "codes": _codes}) + "\n")
