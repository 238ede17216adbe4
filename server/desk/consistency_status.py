"""Stores the result of the last comparison of desk and ledger, so that every web process can report it.

Written by worker/difference_watch.py, read for `/readyz` and by doctor. Knows nothing of how the difference
is measured. The age comes from Redis, because the clocks of two machines differ.
"""

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from server.desk.keys import MetricsKeys
from server.desk.redis.connection import redis_deadline

KEPT_SECONDS = 60  # an older verdict says nothing about now


@dataclass(frozen=True, slots=True)
class ConsistencyVerdict:
    """The comparison over all open drops.

    `drops` is their number; `quantity`, `free`, `held`, `redeemed` and `returned` count units. `difference`
    is the number of units that desk and ledger disagree about, `differing` the ids of their drops.
    """

    drops: int
    quantity: int
    free: int
    held: int
    redeemed: int
    returned: int
    difference: int
    differing: tuple[str, ...]


class ConsistencyStatus:
    """The stored verdict of one installation. Both calls may raise DeskUnavailableError."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = MetricsKeys(prefix).consistency

    async def put(self, verdict: ConsistencyVerdict) -> None:
        """Replace the stored verdict; the last writer wins."""
        async with redis_deadline():
            await self._redis.set(self._key, orjson.dumps(asdict(verdict)), ex=KEPT_SECONDS)

    async def last(self) -> tuple[ConsistencyVerdict, float] | None:
        """Return the verdict and its age in seconds; None if nobody has compared in the last KEPT_SECONDS."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            pipe.get(self._key)
            pipe.pttl(self._key)
            reply: list[Any] = await pipe.execute()
        text, ttl_ms = reply
        if text is None:
            return None
        fields = orjson.loads(text)
        verdict = ConsistencyVerdict(**{**fields, "differing": tuple(fields["differing"])})
        return verdict, max(0.0, KEPT_SECONDS - ttl_ms / 1000)
