"""Files that are made while they are sent.

Used by the calls that write XLSX with a program of its own (server/sheets).
"""

from collections.abc import AsyncIterator


async def begun(file: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield nothing once the first piece is there, then the pieces: a refusal has to come before a status."""
    first = await anext(file)
    yield b""
    yield first
    async for piece in file:
        yield piece
