"""A claim desk that answers `won` only when enough replicas of Redis have the win.

Made by the composition root in place of ClaimDesk if CLASSDROP_REPLICAS is above 0. A promoted replica then
lacks no win that a student was told. Refusals and claims that the ledger has confirmed are answered at once.
A win that too few replicas have in time is answered `retry` and stays on the desk: the same request finds it
there and waits again. If a worker confirms it first, the student gets the confirmation.
"""

from redis.asyncio import Redis

from server.core.drops.claims import ClaimState
from server.desk.claims.claim_answers import ClaimAnswer, read_script_replies
from server.desk.claims.claim_desk import RETRY, ClaimDesk, OnCall, Tap
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes

WAIT_MS = 500  # a healthy replica needs about 1 ms


class ReplicatedClaimDesk(ClaimDesk):
    """A ClaimDesk that waits for replicas. Give it a pool of its own: a waiting connection is blocked."""

    def __init__(
        self, redis: Nodes, prefix: str, replicas: int, on_call: OnCall | None = None
    ) -> None:
        super().__init__(redis, prefix, on_call)
        self._redis = redis
        self._replicas = replicas

    async def _run(self, script: str, shard: int, taps: list[Tap]) -> list[ClaimAnswer]:
        """Run the script, answer taps that need not wait and take them off `taps`, then wait for replicas.

        Both steps use one connection. On another one, a server that was promoted in between could confirm a
        write that it never had.
        """
        keys, args = self._arguments(script, shard, taps)
        async with redis_deadline():
            one = await self._redis.at(keys[0]).client().initialize()
        try:
            replies = await self._scripts.run(script, keys, args, on=one)
            answers = read_script_replies(script, taps, replies, args[0])
            waiting = _answer_others(taps, answers)
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
                # WAIT covers what this connection has written (Redis 7.2, Valkey), and repeating an earlier
                # win writes nothing. Write the mark: a replica that has it has all earlier writes as well.
                await one.set(ShardKeys(self._prefix, shard).mark, 1)
            return await one.wait(self._replicas, WAIT_MS) >= self._replicas


def _answer_others(taps: list[Tap], answers: list[ClaimAnswer]) -> list[ClaimAnswer]:
    """Answer the taps that need not wait; leave the others in `taps` and return their answers."""
    waiting = []
    for tap, answer in zip(tuple(taps), answers, strict=True):
        is_won = answer.held is not None and answer.held.state is ClaimState.WON
        if is_won or answer.entry is not None:
            waiting.append((tap, answer))
        else:
            tap.answered(answer)
    taps[:] = [tap for tap, _ in waiting]
    return [answer for _, answer in waiting]


def _is_new(answer: ClaimAnswer, stem: str) -> bool:
    return answer.held is not None and answer.held.claim_id.startswith(stem)
