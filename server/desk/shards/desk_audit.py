"""Reads the whole content of a desk, page by page, so that no single call delays the claims of a class.

Called by the doctor's checks and repair (flows/consistency). Writes nothing. Several calls see several
moments: the caller chooses an order in which that does no harm.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from server.core.ids import ClaimId, DropId, Slot, StudentId, Unit
from server.desk.claims import claim_record
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.outbox import GROUP, Backlog, read_entry
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.redis.nodes import Nodes
from server.desk.scripts.loader import Scripts

_AT_ONCE = 500  # holders in one call
_KEYS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class FenceState:
    """The state of a fence: armed or shut, and the epoch of the last load. Two reads with one epoch saw one
    desk.
    """

    is_armed: bool
    epoch: int


@dataclass(frozen=True, slots=True)
class DropCounters:
    """The counters of a drop's hash. `next` is the lowest unit that was never taken, `live` counts claims
    that are won or confirmed, `won_total` all wins ever.
    """

    quantity: int
    next: int
    live: int
    won_total: int
    is_closed: bool


class DeskAudit:
    """Read-only access to one installation's desk. Every call may raise DeskUnavailableError."""

    def __init__(self, redis: Nodes, prefix: str) -> None:
        self._redis: Any = redis  # its replies are bytes
        self._prefix = prefix
        self._scripts = Scripts(redis)

    def _keys(self, shard: int) -> ShardKeys:
        return ShardKeys(self._prefix, shard)

    async def fence(self, shard: int) -> FenceState:
        """Return whether the shard is armed for the server that has it now, and its epoch."""
        key = self._keys(shard).fence
        async with redis_deadline():
            ((node, _),) = await self._redis.by_node([key], str)
        here = await self._scripts.run("run_id", [], [], on=node)
        async with redis_deadline():
            run_id, epoch = await node.hmget(key, "run_id", "epoch")
        return FenceState(run_id == here, int(epoch or 0))

    async def counters(self, shard: int, drop_id: str) -> DropCounters | None:
        """Return the drop's counters; None where the desk does not have the drop, or closed it unopened."""
        names = ("quantity", "next", "live", "won_total", "closed_at")
        async with redis_deadline():
            row = await self._redis.hmget(self._keys(shard).drop(drop_id), names)
        if row[1] is None:  # no `next`: closed before it was opened
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
        """Yield all claims of the drop by student, in pages of about _AT_ONCE.

        HSCAN guarantees only this: a claim that exists from before the first page until after the last one is
        in some page. A claim may be in two pages.
        """
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
        """Return the claims that these students have of the drop."""
        if not students:
            return {}
        async with redis_deadline():
            found = await self._redis.hmget(self._keys(shard).holders(drop_id), students)
        rows = zip(students, found, strict=True)
        return {student: claim_record.parse(record) for student, record in rows if record}

    async def slots(
        self, shard: int, batch_id: str, students: Sequence[StudentId]
    ) -> dict[StudentId, set[Slot]]:
        """Return the slots of the batch that each of these students has used."""
        if not students:
            return {}
        async with redis_deadline():
            found = await self._redis.hmget(self._keys(shard).caps(batch_id), students)
        return {
            student: {Slot(int(slot)) for slot in (used or b"").decode().split(",") if slot}
            for student, used in zip(students, found, strict=True)
        }

    async def in_outbox(self, shard: int) -> dict[ClaimId, DropId]:
        """Return claim id -> drop id of every entry that the stream still has, acknowledged or not."""
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

    async def backlog(self, shard: int) -> Backlog:
        """Return how many entries of the shard no worker has acknowledged, and the age of the oldest."""
        stream = self._keys(shard).outbox
        async with redis_deadline():
            seconds, micros = await self._redis.at(stream).time()
            after = await self._acknowledged_to(stream)
            if after is None:
                return Backlog(0, 0)
            first = await self._redis.xrange(stream, after, "+", count=1)
            if not first:
                return Backlog(0, 0)
            entries = await self._unacknowledged(stream)
        since = int(first[0][0].split(b"-")[0])  # the id of an entry begins with its time in ms
        return Backlog(entries, seconds * 1000 + micros // 1000 - since)

    async def _acknowledged_to(self, stream: str) -> str | None:
        """Return the XRANGE start of the first entry that is not acknowledged; None if there is no stream."""
        try:
            groups = await self._redis.xinfo_groups(stream)
        except ResponseError:  # no such key: nobody has claimed on this shard yet
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
        """Yield (shard, drop id) of every drop that the desk has. SCAN may yield a drop twice."""
        async with redis_deadline():
            primaries = await self._redis.each_primary()
        for primary in primaries:
            async for found in self._drops_of(primary):
                yield found

    async def _drops_of(self, primary: Any) -> AsyncIterator[tuple[int, str]]:
        shards = {f"{{d{shard}}}": shard for shard in range(SHARDS)}
        start = f"{self._prefix}:"
        pattern, cursor = f"{_literal(start)}{{d*}}:drop:*", 0
        while True:
            async with redis_deadline():
                cursor, keys = await primary.scan(cursor, match=pattern, count=_KEYS_AT_ONCE)
            for key in keys:
                tag, _, drop_id = key.decode().removeprefix(start).partition(":drop:")
                if tag in shards:
                    yield shards[tag], drop_id
            if not cursor:
                return


def _literal(text: str) -> str:
    """Escape the text for use in a MATCH pattern."""
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)
