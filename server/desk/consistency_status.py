"""What a worker found when it last compared desk and ledger, so that any web process can say it.

Written by worker/difference_watch.py, read for `/readyz` and by doctor. Knows nothing of how it is
measured. The age is Redis' word: no two machines have one clock.
"""

from dataclasses import asdict, dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from server.desk.keys import MetricsKeys
from server.desk.redis.connection import redis_deadline

KEPT_SECONDS = 60  # who has nothing to say for that long says nothing


@dataclass(frozen=True, slots=True)
class ConsistencyVerdict:
    """Over the open drops: how many, their units by where they are, the units that desk and ledger
    disagree about, and the drops these are of."""

    drops: int
    quantity: int
    free: int
    held: int
    redeemed: int
    returned: int
    difference: int
    differing: tuple[str, ...]


class ConsistencyStatus:
    """Both calls may end in DeskUnavailableError."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = MetricsKeys(prefix).consistency

    async def put(self, verdict: ConsistencyVerdict) -> None:
        """In place of the last one, whoever said it."""
        async with redis_deadline():
            await self._redis.set(self._key, orjson.dumps(asdict(verdict)), ex=KEPT_SECONDS)

    async def last(self) -> tuple[ConsistencyVerdict, float] | None:
        """With its age in seconds; None: nobody has compared them lately."""
        async with redis_deadline(), self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._key)
            pipe.pttl(self._key)
            answer: list[Any] = await pipe.execute()
        text, left_ms = answer
        if text is None:
            return None
        fields = orjson.loads(text)
        verdict = ConsistencyVerdict(**{**fields, "differing": tuple(fields["differing"])})
        return verdict, max(0.0, KEPT_SECONDS - left_ms / 1000)
