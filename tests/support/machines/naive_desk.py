"""A claim desk as it is written first: look whether there is stock, then take it.

Nobody uses it. It is the control of tests/races: a harness under which this one does not oversell
would not notice if ours did.
"""

from redis.asyncio import Redis

from server.core.drops.claims import Outcome
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims.claim_answers import ClaimAnswer


class NaiveDesk:
    """Answers as `server.desk.claims.claim_desk.ClaimDesk` does."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def open(self, drop_id: str, units: int) -> None:
        await self._redis.set(self._stock(drop_id), units)

    async def claim(
        self, *, shard: int, drop_id: DropId, batch_id: BatchId, student: StudentId, request_id: str
    ) -> ClaimAnswer:
        del shard, batch_id  # one drop, one batch
        left = await self._redis.get(self._stock(drop_id))
        if left is None or int(left) <= 0:
            return ClaimAnswer(Outcome.SOLD_OUT)
        # Everybody who looked before the first of them got here has seen the same number.
        await self._redis.decr(self._stock(drop_id))
        await self._redis.hset(f"{self._prefix}:naive:{drop_id}:holders", student, request_id)
        return ClaimAnswer(Outcome.WON)

    def _stock(self, drop_id: str) -> str:
        return f"{self._prefix}:naive:{drop_id}:stock"
