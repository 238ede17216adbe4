"""The whole of a desk as it stands, read piece by piece: no call holds up the class.

Called by flows/consistency/desk_checks.py and flows/consistency/repair.py. Writes nothing. What is read in
several calls is of several moments; the order in which it is asked for is the caller's business.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from server.core.ids import ClaimId, DropId, Slot, StudentId, Unit
from server.desk import claim_record
from server.desk.claim_record import HeldClaim
from server.desk.keys import SHARDS, ShardKeys
from server.desk.outbox import GROUP, read_entry
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

_AT_ONCE = 500
_KEYS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class FenceState:
    """`epoch` names what the desk was built from; two looks at one epoch saw one desk."""

    is_armed: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class DropCounters:
    quantity: int
    next: int
    live: int
    won_total: int
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries of one shard that no worker has acknowledged; since when the oldest of them waits."""

    entries: int
    oldest_age_ms: int


class DeskAudit:
    """Every call may end in DeskUnavailableError."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis: Any = redis  # its answers are bytes
        self._prefix = prefix
        self._scripts = Scripts(redis)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)

    async def fence(self, shard: int) -> FenceState:
        here = await self._scripts.run("run_id", [], [])
        async with redis_deadline():
            run_id, epoch = await self._redis.hmget(self._keys(shard).fence, "run_id", "epoch")
        return FenceState(run_id == here, int(epoch or 0))

    async def counters(self, shard: int, drop_id: str) -> DropCounters | None:
        """None: not on the desk."""
        names = ("quantity", "next", "live", "won_total", "closed_at")
        async with redis_deadline():
            row = await self._redis.hmget(self._keys(shard).drop(drop_id), names)
        if row[1] is None:  # closed before it was opened
            return None
        quantity, following, live, won_total = (int(value or 0) for value in row[:4])
        return DropCounters(quantity, following, live, won_total, row[4] is not None)

    async def free_units(self, shard: int, drop_id: str) -> set[Unit]:
        async with redis_deadline():
            return {
                Unit(int(u))
                for u in await self._redis.zrange(self._keys(shard).free(drop_id), 0, -1)
            }

    async def holders(
        self, shard: int, drop_id: str
    ) -> AsyncIterator[Mapping[StudentId, HeldClaim]]:
        """Whoever held something from before the first piece until after the last is in one of them."""
        key, cursor = self._keys(shard).holders(drop_id), 0
        while True:
            async with redis_deadline():
                cursor, found = await self._redis.hscan(key, cursor, count=_AT_ONCE)
            yield {
                StudentId(name.decode()): claim_record.parse(record)
                for name, record in found.items()
            }
            if not cursor:
                return

    async def holders_of(
        self, shard: int, drop_id: str, students: Sequence[StudentId]
    ) -> dict[StudentId, HeldClaim]:
        if not students:
            return {}
        async with redis_deadline():
            found = await self._redis.hmget(self._keys(shard).holders(drop_id), students)
        rows = zip(students, found, strict=True)
        return {student: claim_record.parse(record) for student, record in rows if record}

    async def slots(
        self, shard: int, batch_id: str, students: Sequence[StudentId]
    ) -> dict[StudentId, set[Slot]]:
        """Those that count against each of them."""
        if not students:
            return {}
        async with redis_deadline():
            found = await self._redis.hmget(self._keys(shard).caps(batch_id), students)
        return {
            student: {Slot(int(slot)) for slot in (used or b"").decode().split(",") if slot}
            for student, used in zip(students, found, strict=True)
        }

    async def in_outbox(self, shard: int) -> dict[ClaimId, DropId]:
        """Claim -> its drop, of every entry that the stream still has, acknowledged or not."""
        stream, after = self._keys(shard).outbox, "-"
        found: dict[ClaimId, DropId] = {}
        while True:
            async with redis_deadline():
                entries = await self._redis.xrange(stream, after, "+", count=_KEYS_AT_ONCE)
            for entry_id, fields in entries:
                entry = read_entry(shard, entry_id, fields)
                found[entry.claim_id] = entry.drop_id
            if len(entries) < _KEYS_AT_ONCE:
                return found
            after = f"({entries[-1][0].decode()}"

    async def waiting(self, shard: int) -> Waiting:
        stream = self._keys(shard).outbox
        async with redis_deadline():
            seconds, micros = await self._redis.time()
            after = await self._acknowledged_to(stream)
            if after is None:
                return Waiting(0, 0)
            first = await self._redis.xrange(stream, after, "+", count=1)
            if not first:
                return Waiting(0, 0)
            entries = await self._unacknowledged(stream)
        since = int(first[0][0].split(b"-")[0])
        return Waiting(entries, seconds * 1000 + micros // 1000 - since)

    async def _acknowledged_to(self, stream: str) -> str | None:
        """Where what is not acknowledged begins; None: there is no stream."""
        try:
            groups = await self._redis.xinfo_groups(stream)
        except ResponseError:  # no such key: nobody has ever claimed here
            return None
        ours = next((group for group in groups if group["name"] == GROUP.encode()), None)
        if ours is None:
            return "-"
        pending = await self._redis.xpending(stream, GROUP)
        if pending["pending"]:
            oldest: bytes = pending["min"]
            return oldest.decode()
        return f"({ours['last-delivered-id'].decode()}"

    async def _unacknowledged(self, stream: str) -> int:
        groups = await self._redis.xinfo_groups(stream)
        ours = next((group for group in groups if group["name"] == GROUP.encode()), None)
        if ours is None:
            return int(await self._redis.xlen(stream))
        return int(ours["pending"]) + int(ours.get("lag") or 0)

    async def drops(self) -> AsyncIterator[tuple[int, str]]:
        """(shard, drop) of everything that the desk has; some may come twice."""
        shards = {f"{{d{shard}}}": shard for shard in range(SHARDS)}
        start = f"{self._prefix}:"
        pattern, cursor = f"{_literal(start)}{{d*}}:drop:*", 0
        while True:
            async with redis_deadline():
                cursor, keys = await self._redis.scan(cursor, match=pattern, count=_KEYS_AT_ONCE)
            for key in keys:
                tag, _, drop_id = key.decode().removeprefix(start).partition(":drop:")
                if tag in shards:
                    yield shards[tag], drop_id
            if not cursor:
                return


def _literal(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)
