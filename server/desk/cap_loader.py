"""Brings to a desk that goes on selling what the ledger knows of the caps of a batch or a campaign.

Called by flows/coupons/load_caps.py before a drop opens. Slots are only added, so a call may be repeated, and
two may load one cap at once: each begins where the other has come to.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from server.core.ids import Slot, StudentId
from server.desk import DeskReplacedError
from server.desk.caps import CapName, dump_slots, key_of
from server.desk.keys import ShardKeys
from server.desk.outbox import OutboxEntry, read_entry
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

_AT_ONCE = 1_000  # students in one call: about 3 ms of Redis
_ENTRIES_AT_ONCE = 1_000


class CapLoader:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis  # its answers are bytes
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def progress(self, shard: int, cap: tuple[CapName, str], load: str) -> str | None:
        """How far this load of the cap has come, as `fill` was told; "" at its beginning, None where all of
        it is here."""
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
        """Adds these slots, up to and with `reached`. DeskReplacedError: the desk has been loaded anew."""
        students = list(slots.items())
        for start in range(0, len(students), _AT_ONCE):
            piece = students[start : start + _AT_ONCE]
            args = [word for student, used in piece for word in (student, dump_slots(used))]
            is_last = start + _AT_ONCE >= len(students)
            await self._run(shard, cap, load, [reached if is_last else "", "0", *args])

    async def complete(self, shard: int, cap: tuple[CapName, str], load: str) -> None:
        """All of it is here. DeskReplacedError as above."""
        await self._run(shard, cap, load, ["", "1"])

    async def outbox_entries(self, shard: int) -> list[OutboxEntry]:
        """Wins that may not be in the ledger yet. To be asked before the ledger is."""
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
