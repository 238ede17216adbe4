"""Loads the used slots of one batch or campaign onto a desk that goes on selling.

Called by flows/coupons/load_caps.py before a drop opens. Invariant: slots are only added. A call may
therefore be repeated, and two processes may load one cap at once: each continues where the other has got to.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from server.core.ids import Slot, StudentId
from server.desk import DeskReplacedError
from server.desk.claims.caps import CapName, dump_slots, key_of
from server.desk.claims.outbox import OutboxEntry, read_entry
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

_AT_ONCE = 1_000  # students in one call: about 3 ms of Redis
_ENTRIES_AT_ONCE = 1_000


class CapLoader:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis  # its replies are bytes
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def progress(self, shard: int, cap: tuple[CapName, str], load: str) -> str | None:
        """Return the mark that `fill` stored last for this load; "" at the beginning, None once the cap is
        complete.
        """
        async with redis_deadline():
            mark = await self._redis.hget(key_of(*cap, ShardKeys(self._prefix, shard)), "")
        text = (mark or b"").decode()
        if text == load:
            return None
        return text.removeprefix(f"{load}+") if text.startswith(f"{load}+") else ""

    async def fill(
        self,
        shard: int,
        cap: tuple[CapName, str],
        load: str,
        slots: Mapping[StudentId, Collection[Slot]],
        reached: str,
    ) -> None:
        """Add these slots by student, then store `reached` as the mark to continue from.

        Raises DeskReplacedError if the desk has been loaded anew since `load`.
        """
        students = list(slots.items())
        for start in range(0, len(students), _AT_ONCE):
            piece = students[start : start + _AT_ONCE]
            args = [word for student, used in piece for word in (student, dump_slots(used))]
            is_last = start + _AT_ONCE >= len(students)
            await self._run(shard, cap, load, [reached if is_last else "", "0", *args])

    async def complete(self, shard: int, cap: tuple[CapName, str], load: str) -> None:
        """Mark the cap as complete. Raises DeskReplacedError like `fill`."""
        await self._run(shard, cap, load, ["", "1"])

    async def outbox_entries(self, shard: int) -> list[OutboxEntry]:
        """Return all wins in the outbox of the shard: they may not be in the ledger yet.

        Read them before the ledger. In the other order a win that moves from outbox to ledger in between
        would be in neither.
        """
        stream, after = ShardKeys(self._prefix, shard).outbox, "-"
        found: list[OutboxEntry] = []
        while True:
            async with redis_deadline():
                rows = await self._redis.xrange(stream, after, "+", count=_ENTRIES_AT_ONCE)
            found += [read_entry(shard, entry_id, fields) for entry_id, fields in rows]
            if len(rows) < _ENTRIES_AT_ONCE:
                return found
            after = f"({rows[-1][0].decode()}"

    async def _run(
        self, shard: int, cap: tuple[CapName, str], load: str, args: Sequence[str]
    ) -> None:
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, key_of(*cap, keys)]
        if not await self._scripts.run("fill_caps", names, [load, *args]):
            raise DeskReplacedError(f"the desk of {cap[1]} was loaded anew meanwhile")
