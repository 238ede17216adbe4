"""A desk whose wins are told when replicas of Redis have them, so that a promoted replica lacks none.

Made by the composition root in place of ClaimDesk where CLASSDROP_REPLICAS is above 0. What is not on
its way to a replica (refusals, what the ledger has confirmed) is answered at once. A win that too few
replicas have in time is told `retry`, and stays on the desk: the same request finds it there and waits
again, and where a worker confirms it first the student hears that.
"""

from redis.asyncio import Redis

from server.core.drops.claims import ClaimState
from server.desk.claim_desk import RETRY, ClaimAnswer, ClaimDesk, OnCall, Tap, parse_reply
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline

WAIT_MS = 500  # a replica at its post needs one


class ReplicatedClaimDesk(ClaimDesk):
    """`redis` has a pool of its own: a connection that waits serves nobody else."""

    def __init__(
        self, redis: Redis, prefix: str, replicas: int, on_call: OnCall | None = None
    ) -> None:
        super().__init__(redis, prefix, on_call)
        self._redis = redis
        self._replicas = replicas

    async def _ask(self, shard: int, taps: list[Tap]) -> list[ClaimAnswer]:
        """Answers at once those who need not wait, and takes them off `taps`. One connection for both
        steps: on another, a server that was promoted in between would speak for what it never had."""
        keys, args = self._arguments(shard, taps)
        async with redis_deadline():
            one = await self._redis.client().initialize()
        try:
            said = await self._scripts.run("claim", keys, args, on=one)
            answers = [parse_reply(one_said) for one_said in said]
            waiting = _tell_the_others(taps, answers)
            if waiting and not await self._replicas_have(one, shard, waiting, args[0]):
                return [RETRY] * len(waiting)
            return waiting
        finally:
            await one.aclose(close_connection_pool=False)

    async def _replicas_have(
        self, one: Redis, shard: int, answers: list[ClaimAnswer], stem: str
    ) -> bool:
        async with redis_deadline():
            if any(not _is_new(answer, stem) for answer in answers):
                # WAIT is for what this connection has written (Redis 7.2, Valkey), and telling an
                # earlier win again writes nothing. Whoever has this has all that went before.
                await one.set(ShardKeys(self._prefix, shard).mark, 1)
            return await one.wait(self._replicas, WAIT_MS) >= self._replicas


def _tell_the_others(taps: list[Tap], answers: list[ClaimAnswer]) -> list[ClaimAnswer]:
    """Leaves in `taps` those who wait; their answers."""
    waiting = []
    for tap, answer in zip(tuple(taps), answers, strict=True):
        if answer.held is not None and answer.held.state is ClaimState.WON:
            waiting.append((tap, answer))
        else:
            tap.answered(answer)
    taps[:] = [tap for tap, _ in waiting]
    return [answer for _, answer in waiting]


def _is_new(answer: ClaimAnswer, stem: str) -> bool:
    return answer.held is not None and answer.held.claim_id.startswith(stem)
