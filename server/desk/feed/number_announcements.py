"""Announcements of the event log: one message for each round of numbers, so that waiting readers wake at
once.

The worker that gives numbers publishes them, every web process reads them. They are in a stream and not a
channel: a message that comes while a connection is being replaced is not lost. They are only a hint: whoever
waits looks into the log every few seconds as well.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from server.desk.keys import EventKeys
from server.desk.redis.connection import redis_deadline

_KEPT: Final = 100  # messages; a reader needs one
_BLOCK_MS: Final = 5_000
_CALL_SECONDS: Final = 7.0  # a server that does not reply even then is asked anew
_RETRY_SECONDS: Final = 0.5
_DAY_SECONDS: Final = 86_400


class NumberAnnouncements:
    """`redis` should be a client of its own where `followed_by` is used: it waits in a blocking read."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = EventKeys(prefix).numbered

    async def announce(self, last: int, types: Collection[str]) -> None:
        """Say that numbers up to `last` were given, to events of these types.

        Raises DeskUnavailableError."""
        message: dict[Any, Any] = {"last": last, "types": ",".join(sorted(types))}
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(self._key, message, maxlen=_KEPT, approximate=True)
            pipe.expire(self._key, _DAY_SECONDS)
            await pipe.execute()

    @asynccontextmanager
    async def followed_by(
        self, on_numbered: Callable[[Collection[str]], None]
    ) -> AsyncIterator[None]:
        """Call `on_numbered(types)` for every message while the context lasts; it must not raise or wait."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._listen(on_numbered))
            try:
                yield
            finally:
                task.cancel()

    async def _listen(self, on_numbered: Callable[[Collection[str]], None]) -> None:
        position: bytes | str = "$"
        while True:
            try:
                async with asyncio.timeout(_CALL_SECONDS):
                    read: Any = await self._redis.xread({self._key: position}, block=_BLOCK_MS)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for entry_id, message in _entries(read):
                position = entry_id
                on_numbered(message[b"types"].decode().split(","))


def _entries(reply: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return what XREAD has read of the one stream: RESP3 gives a map, RESP2 a list of pairs."""
    if isinstance(reply, dict):
        return [entry for pieces in reply.values() for piece in pieces for entry in piece]
    return [entry for _, entries in reply or () for entry in entries]
