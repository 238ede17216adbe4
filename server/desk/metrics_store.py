"""Where each process puts its figures, so that any web process can answer for all of them.

Called by commands/process/metrics_aggregation.py. A worker has no port of its own to be asked at, and behind
one port nobody can choose which web process answers. Knows nothing of what the text says.
"""

from typing import Any

from redis.asyncio import Redis

from server.desk.keys import MetricsKeys
from server.desk.redis.connection import redis_deadline

FRESH_SECONDS = 15  # three times the pause between two writes
_TROUBLE_SECONDS = 3  # told every second


class MetricsStore:
    """Every call may end in DeskUnavailableError."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = MetricsKeys(prefix)

    async def put(self, process: str, text: bytes) -> None:
        """In place of what this process said before."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.set(self._keys.of(process), text, ex=FRESH_SECONDS)
            pipe.sadd(self._keys.processes, process)
            pipe.expire(self._keys.processes, FRESH_SECONDS)
            await pipe.execute()

    async def note_trouble(self, words: str) -> None:
        """For a few seconds: what a worker runs into when it writes to the ledger."""
        async with redis_deadline():
            await self._redis.set(self._keys.ledger_trouble, words, ex=_TROUBLE_SECONDS)

    async def trouble(self) -> str:
        """What a worker told lately; empty where none has trouble."""
        async with redis_deadline():
            words: Any = await self._redis.get(self._keys.ledger_trouble)
        return words.decode() if words is not None else ""

    async def read_others(self, process: str) -> list[bytes]:
        """What the others last said, as far as it is fresh, in the order of their names."""
        async with redis_deadline():
            names: Any = await self._redis.smembers(self._keys.processes)
            others = sorted(names - {process.encode()})
            if not others:
                return []
            texts: Any = await self._redis.mget([self._keys.of(name.decode()) for name in others])
            gone = [name for name, text in zip(others, texts, strict=True) if text is None]
            if gone:
                # One that comes back names itself again with its next word.
                await self._redis.srem(self._keys.processes, *gone)
        return [text for text in texts if text is not None]
