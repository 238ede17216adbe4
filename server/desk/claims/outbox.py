"""The outbox: one stream of wins for each desk shard, read by workers as a consumer group.

Called by the worker and by the rebuild. claim.lua and give_up.lua write the entries. Invariant: no entry is
lost between desk and ledger. It is acknowledged after the commit; the entries of a dead worker are taken over
by another; the stream is trimmed only below the oldest entry that is not acknowledged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.exceptions import RedisError, ResponseError

from server.core.ids import BatchId, ClaimId, DropId, Slot, StudentId, Unit
from server.desk.keys import SHARDS, ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.redis.group_reads import GroupReads
from server.desk.redis.nodes import Nodes
from server.desk.scripts.loader import Scripts

GROUP = "ledger"
CLAIM_IDLE_MS = 5_000  # an entry that another worker has had for this long is taken over
BATCH = 1_000  # entries in one read
_READ_SECONDS = 1.0  # on top of the wait: a dead connection is noticed within 2 s in all
DEAD_CONSUMER_MS = 60_000  # a worker reads every second: one that is silent for this long is dead


class OutboxEntry(NamedTuple):
    """A win with all the values that the ledger's constraints check.

    A tuple, because thousands are made in a second: a frozen dataclass of this size takes five times as long.
    `won_at` is in ms by Redis' clock.
    """

    shard: int
    entry_id: str
    claim_id: ClaimId
    drop_id: DropId
    batch_id: BatchId
    room: str
    student: StudentId
    request_id: str
    unit: Unit
    slot: Slot
    per_student: int
    allotment_id: str
    allotment_first: int
    allotment_last: int
    won_at: int
    # Told as won by a desk that is gone; the present desk has no unit for it. The ledger gets it as revoked.
    is_given_up: bool = False
    # Only if the campaign has a limit for each student.
    campaign_id: str = ""
    campaign_slot: Slot = Slot(0)
    per_campaign: int = 0
    # Only if the token has them and the batch limits them; "" where it does not count.
    person: str = ""
    person_slot: Slot = Slot(0)
    per_person: int = 0
    device: str = ""
    device_slot: Slot = Slot(0)
    per_device: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of entries that are not acknowledged, and how long the oldest of them has waited (ms)."""

    entries: int
    oldest_age_ms: int


class Outbox:
    """All streams, for one consumer: one lane of a worker. Every call may raise DeskUnavailableError."""

    def __init__(self, redis: Nodes, prefix: str, consumer: str) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)
        self._consumer = consumer
        self._streams = {shard: ShardKeys(prefix, shard).outbox.encode() for shard in range(SHARDS)}
        self._shard_of = {stream: shard for shard, stream in self._streams.items()}
        self._reads = GroupReads(redis, GROUP, consumer, list(self._shard_of))

    async def make_groups(self) -> None:
        """Create the groups that do not exist, at the beginning of their streams: no entry is skipped."""
        await self._make_groups(self._streams.values())

    async def make_group(self, shard: int) -> None:
        """Create the group of one shard, like `make_groups`."""
        await self._make_groups([self._streams[shard]])

    async def _make_groups(self, streams: Iterable[bytes]) -> None:
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for stream in streams:
                pipe.xgroup_create(stream, GROUP, id="0", mkstream=True)
            for made in await pipe.execute(raise_on_error=False):
                if isinstance(made, RedisError) and "BUSYGROUP" not in str(made):
                    raise made

    async def shards_without_group(self) -> list[int]:
        """Return the shards whose stream or group is gone: what was in the stream is lost."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for stream in self._streams.values():
                pipe.xinfo_groups(stream)
            found = await pipe.execute(raise_on_error=False)
        return [
            shard for shard, groups in zip(self._streams, found, strict=True) if _is_none(groups)
        ]

    async def read_own_pending(self) -> list[OutboxEntry]:
        """Return entries that this consumer has and has not acknowledged; a cancelled read leaves some."""
        async with redis_deadline():
            replies = await self._reads.read("0", BATCH)
        return [entry for reply in replies for entry in self._entries(reply)]

    async def read(self, wait_ms: int) -> list[OutboxEntry]:
        """Return new entries; wait up to `wait_ms` for the first."""
        async with redis_deadline(wait_ms / 1000 + _READ_SECONDS):
            replies = await self._reads.read(">", BATCH, wait_ms)
        return [entry for reply in replies for entry in self._entries(reply)]

    async def take_over(self) -> list[OutboxEntry]:
        """Take over and return entries that other consumers have had for CLAIM_IDLE_MS: they are dead or
        stuck. The ledger makes it harmless if one of them is only slow.
        """
        found: list[OutboxEntry] = []
        for stream in self._streams.values():
            async with redis_deadline():
                reply = await self._redis.xautoclaim(
                    stream, GROUP, self._consumer, CLAIM_IDLE_MS, count=BATCH
                )
            found += self._entries([[stream, reply[1]]])
        return found

    async def remove_dead_consumers(self) -> int:
        """Remove the consumers of dead workers that have no pending entries; return how many.

        A worker that was only suspended is added again by its next read.
        """
        return await self._forget(DEAD_CONSUMER_MS)

    async def leave_group(self) -> None:
        """Remove this consumer, which reads no more. It stays if it has pending entries, so that another
        can take them over.
        """
        await self._forget(0, self._consumer)

    async def _forget(self, silent_ms: int, consumer: str = "") -> int:
        taken = 0
        for stream in self._streams.values():
            args = (GROUP, silent_ms, consumer)
            taken += await self._scripts.run("forget_consumers", [stream.decode()], args)
        return taken

    async def acknowledge(self, entries: Sequence[OutboxEntry]) -> None:
        """Acknowledge entries. Call it after their transaction is committed."""
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for shard in {entry.shard for entry in entries}:
                ids = [entry.entry_id for entry in entries if entry.shard == shard]
                pipe.xack(self._streams[shard], GROUP, *ids)
            await pipe.execute()

    async def read_all(self, shard: int) -> list[OutboxEntry]:
        """Return all entries that the stream still has, acknowledged or not; for the rebuild."""
        async with redis_deadline():
            entries = await self._redis.xrange(self._streams[shard])
        return self._entries([[self._streams[shard], entries]])

    async def trim(self) -> None:
        """Delete the entries that are acknowledged. By id and not by length: a trim by length may delete
        entries that are still needed.
        """
        for stream in self._streams.values():
            async with redis_deadline():
                needed_from = await self._oldest_needed(stream)
                if needed_from is not None:
                    await self._redis.xtrim(stream, minid=needed_from, approximate=False)

    async def _oldest_needed(self, stream: bytes) -> bytes | None:
        # Read the last delivered id first, then the pending entries. An entry that is delivered between the
        # two reads has a higher id than the first one, so it is kept. In the other order it could be trimmed
        # while its worker has just begun.
        groups = await self._redis.xinfo_groups(stream)
        delivered: bytes = groups[0]["last-delivered-id"]
        pending = await self._redis.xpending(stream, GROUP)
        if pending["pending"]:
            oldest: bytes = pending["min"]
            return min(delivered, oldest, key=order_of)
        return None if delivered == b"0-0" else delivered

    async def backlog(self) -> Backlog:
        """Return how far the ledger is behind, over all shards."""
        waiting, age = 0, 0
        async with redis_deadline():
            groups = await self._redis.by_node(self._streams.values(), lambda stream: stream)
            for node, streams in groups:
                seconds, micros = await node.time()  # ids begin with the time of their own server
                for stream in streams:
                    count, since = await self._backlog_of(stream)
                    waiting += count
                    if since is not None:
                        age = max(age, seconds * 1000 + micros // 1000 - since)
        return Backlog(waiting, age)

    async def _backlog_of(self, stream: bytes) -> tuple[int, int | None]:
        groups = await self._redis.xinfo_groups(stream)
        count = groups[0]["pending"] + (groups[0].get("lag") or 0)
        if not count:
            return 0, None
        pending = await self._redis.xpending(stream, GROUP)
        if pending["pending"]:
            return count, int(pending["min"].split(b"-")[0])
        after = groups[0]["last-delivered-id"].decode()
        first: Any = await self._redis.xrange(stream, f"({after}", "+", count=1)
        return count, int(first[0][0].split(b"-")[0]) if first else None

    def _entries(self, reply: object) -> list[OutboxEntry]:
        """Parse what redis-py returns: [[stream, [(id, fields)…]]…]; by RESP3 {stream: [[(id, fields)…]]}."""
        return [
            read_entry(self._shard_of[stream], entry_id, fields)
            for stream, entries in _flat(reply)
            for entry_id, fields in entries
            if fields
        ]


def _is_none(groups: object) -> bool:
    """Return whether XINFO GROUPS found no stream or no group. Other errors say nothing about that."""
    if isinstance(groups, ResponseError):
        return "no such key" in str(groups)
    return groups == []


def order_of(entry_id: bytes) -> tuple[int, int]:
    """Return the sort key of an id `ms-number`: as text, ids of different length compare wrongly."""
    ms, _, number = entry_id.partition(b"-")
    return int(ms), int(number)


def _flat(reply: object) -> list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes]]]]]:
    if isinstance(reply, dict):
        return [(stream, [e for part in parts for e in part]) for stream, parts in reply.items()]
    if isinstance(reply, list):
        return [(stream, entries) for stream, entries in reply]
    return []


def read_entry(shard: int, entry_id: bytes, fields: Mapping[bytes, bytes]) -> OutboxEntry:
    """Parse the text that claim.lua writes: words separated by `|`, which none of them contains."""
    win = fields[b"win"].decode()
    claim_id, drop_id, batch_id, room, student, request_id, *rest = win.split("|")
    unit, slot, per_student, allotment_id, first, last, won_at, *campaign = rest
    campaign_id, campaign_slot, per_campaign = campaign or ("", 0, 0)
    entry = OutboxEntry(
        shard=shard,
        entry_id=entry_id.decode(),
        claim_id=ClaimId(claim_id),
        drop_id=DropId(drop_id),
        batch_id=BatchId(batch_id),
        room=room,
        student=StudentId(student),
        request_id=request_id,
        unit=Unit(int(unit)),
        slot=Slot(int(slot)),
        per_student=int(per_student),
        allotment_id=allotment_id,
        allotment_first=int(first),
        allotment_last=int(last),
        won_at=int(won_at),
        is_given_up=b"given_up" in fields,
        campaign_id=campaign_id,
        campaign_slot=Slot(int(campaign_slot)),
        per_campaign=int(per_campaign),
    )
    return _with_limits(entry, fields[b"limits"]) if b"limits" in fields else entry


def _with_limits(entry: OutboxEntry, limits: bytes) -> OutboxEntry:
    """Return the entry with the slots of its person and its device, as claim.lua writes them."""
    person, person_slot, per_person, device, device_slot, per_device = limits.decode().split("|")
    return entry._replace(
        person=person,
        person_slot=Slot(int(person_slot)),
        per_person=int(per_person),
        device=device,
        device_slot=Slot(int(device_slot)),
        per_device=int(per_device),
    )
