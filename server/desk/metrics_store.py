"""Stores the metrics of each process in Redis, so that any web process can report those of all.

Called by commands/process/metrics_aggregation.py. A worker has no port of its own to be scraped at, and
behind one port a scraper cannot choose the web process. Does not know the format of the text.
"""

from typing import Any

from redis.asyncio import Redis

from server.desk.keys import MetricsKeys
from server.desk.redis.connection import redis_deadline

FRESH_SECONDS = 15  # three times the pause between two writes
_TROUBLE_SECONDS = 3  # written every second


class MetricsStore:
    """The stored metrics of one installation. Every call may raise DeskUnavailableError."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = MetricsKeys(prefix)

    async def put(self, process: str, text: bytes) -> None:
        """Replace the metrics of this process. They expire after FRESH_SECONDS."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(self._keys.of(process), text, ex=FRESH_SECONDS)
            pipe.sadd(self._keys.processes, process)
            pipe.expire(self._keys.processes, FRESH_SECONDS)
            await pipe.execute()

    async def note_trouble(self, words: str) -> None:
        """Store, for a few seconds, why a worker cannot write to the ledger."""
        async with redis_deadline():
            await self._redis.set(self._keys.ledger_trouble, words, ex=_TROUBLE_SECONDS)

    async def trouble(self) -> str:
        """Return the reason that a worker stored lately; empty if there is none."""
        async with redis_deadline():
            words: Any = await self._redis.get(self._keys.ledger_trouble)
        return words.decode() if words is not None else ""

    async def read_others(self, process: str) -> list[bytes]:
        """Return the fresh metrics of all other processes, ordered by the name of the process."""
        async with redis_deadline():
            names: Any = await self._redis.smembers(self._keys.processes)
            others = sorted(names - {process.encode()})
            if not others:
                return []
            texts: Any = await self._redis.mget([self._keys.of(name.decode()) for name in others])
            gone = [name for name, text in zip(others, texts, strict=True) if text is None]
            if gone:
                # A process that was only slow adds itself again with its next `put`.
                await self._redis.srem(self._keys.processes, *gone)
        return [text for text in texts if text is not None]
