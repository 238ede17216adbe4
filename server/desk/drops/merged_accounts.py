"""Moves what the desk has of an account that was merged into another.

Claims of drops, used slots, progress with tasks, and entries of draws. Called by flows/students/merge.py and
merge_chances.py after the ledger has moved them. Every call may be repeated, and may raise
DeskUnavailableError.
"""

from collections.abc import Collection, Mapping

from redis.asyncio import Redis

from server.core.ids import ClaimId, DropId, Slot, StudentId
from server.desk.claims.caps import CapName, dump_slots, key_of
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts


class MergedAccounts:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def add_used(
        self,
        shard: int,
        student: StudentId,
        slots: Mapping[tuple[CapName, str], Collection[Slot]],
    ) -> None:
        """Count these slots of batches and campaigns, by cap and id, as used by the student."""
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, *(key_of(*cap, keys) for cap in slots)]
        args = [student, *(dump_slots(used) for used in slots.values())]
        await self._scripts.run("add_used", names, args)

    async def move_claim(
        self, shard: int, drop_id: DropId, claim_id: ClaimId, student: StudentId, into: StudentId
    ) -> None:
        """Let the claim be that of `into`, if the desk has it as the student's."""
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, keys.holders(drop_id)]
        await self._scripts.run("move_holder", names, [student, into, claim_id])

    async def has_claim(self, shard: int, drop_id: DropId, student: StudentId) -> bool:
        """Return whether the desk has a claim of the student on the drop."""
        async with redis_deadline():
            return bool(
                await self._redis.hexists(ShardKeys(self._prefix, shard).holders(drop_id), student)
            )

    async def move_entry(
        self, shard: int, drop_id: DropId, claim_id: ClaimId, student: StudentId, into: StudentId
    ) -> None:
        """Let the entry with this claim id be that of `into`, if the desk has it as the student's, who gets
        that of `into` in its place."""
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, keys.entrants(drop_id)]
        await self._scripts.run("move_entry", names, [student, into, claim_id])

    async def move_task(
        self, shard: int, drop_id: DropId, student: StudentId, into: StudentId
    ) -> bool:
        """Let `into` have the further progress of both with the task of the drop. False: the student has done
        nothing for it, or it is over."""
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, keys.drop(drop_id), keys.passed(drop_id), keys.progress(drop_id)]
        return bool(await self._scripts.run("move_task", names, [student, into]))
