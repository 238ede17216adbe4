"""A draw on the desk: its entries on their way to the ledger, and the seats of its winners.

Called by the flows of draws, and for reading by the gateway. Taps enter through claim_desk.py. Every call may
be repeated and may raise DeskUnavailableError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from server.core.draws.entries import Entry
from server.core.drops.draw_cards import DRAW
from server.core.drops.drops import RoomDrop
from server.core.ids import DropId, StudentId
from server.desk.claims import entry_record
from server.desk.claims.caps import CapsMissing
from server.desk.claims.entry_record import DeskEntry
from server.desk.keys import ShardKeys
from server.desk.redis.connection import redis_deadline
from server.desk.scripts.loader import Scripts

ENTRIES_AT_ONCE = 2_000  # about 2 ms of Redis
SEATS_AT_ONCE = 500  # about 5 ms of Redis


@dataclass(frozen=True, slots=True)
class NewEntries:
    """Entries that the ledger does not have, the first ones first. `entered` counts all entries of the draw,
    `is_final`: no more can come. `epoch`: which load of the desk said so.
    """

    epoch: int
    entered: int
    is_final: bool
    entries: list[DeskEntry]


@dataclass(frozen=True, slots=True)
class Seated:
    """The numbers after seating: how many of the given students have a unit, how many were looked at before
    the units ran out, and how many live claims the drop has now.
    """

    epoch: int
    seated: int
    looked_at: int
    live: int


class DrawDesk:
    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._scripts = Scripts(redis)

    async def new_entries(
        self, shard: int, drop_id: str, most: int = ENTRIES_AT_ONCE
    ) -> NewEntries:
        """Return the first entries, `most` at most, that the ledger does not have."""
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, keys.drop(drop_id), keys.entries(drop_id)]
        epoch, entered, closed, *lines = await self._scripts.run("read_entries", names, [most])
        entries = [entry_record.parse_line(line) for line in lines]
        return NewEntries(epoch, entered, bool(closed), entries)

    async def drop_entries(self, shard: int, drop_id: str, below: int) -> None:
        """Take the entries with an index below `below` off the list: the ledger has them."""
        keys = ShardKeys(self._prefix, shard)
        await self._scripts.run("drop_entries", [keys.fence, keys.entries(drop_id)], [below])

    async def seat(
        self,
        shard: int,
        drop_id: str,
        batch_id: str,
        limited_campaign: str | None,
        units: int,
        students: Sequence[StudentId],
    ) -> Seated | CapsMissing | None:
        """Give units to these students, in this order, until `units` are taken.

        CapsMissing: nothing was done, load the caps first. None: the desk does not have the drop (any more).
        """
        keys = ShardKeys(self._prefix, shard)
        names = [keys.fence, keys.outbox, keys.drop(drop_id), keys.holders(drop_id)]
        names += [keys.entrants(drop_id), keys.free(drop_id), keys.caps(batch_id)]
        if limited_campaign is not None:
            names.append(keys.campaign_caps(limited_campaign))
        reply = await self._scripts.run("seat", names, [units, *students])
        if isinstance(reply, bytes):
            return CapsMissing(reply.decode())
        return Seated(*reply) if reply[1] >= 0 else None

    async def entry_of(self, shard: int, drop_id: DropId, student: str) -> Entry | None:
        """Return the student's entry in this draw; None where the desk has none."""
        async with redis_deadline():
            key = ShardKeys(self._prefix, shard).entrants(drop_id)
            found = await self._redis.hmget(key, [student])
        record = cast("bytes | None", found[0])
        return None if record is None else entry_record.parse(record)

    async def entries_of_students(
        self, drops: Sequence[RoomDrop], students: Sequence[str]
    ) -> list[tuple[DropId, StudentId, Entry]]:
        """Return (drop id, student, entry) of every entry that these students have in these drops. Makes no
        call where none of the drops is a draw.
        """
        draws = [drop for drop in drops if drop.mode == DRAW]
        if not draws or not students:
            return []
        async with redis_deadline(), self._redis.pipeline(transaction=False) as pipe:
            for drop in draws:
                pipe.hmget(ShardKeys(self._prefix, drop.shard).entrants(drop.id), students)
            rows = await pipe.execute()
        return [
            (drop.id, StudentId(student), entry_record.parse(record))
            for drop, row in zip(draws, rows, strict=True)
            for student, record in zip(students, row, strict=True)
            if record is not None
        ]
