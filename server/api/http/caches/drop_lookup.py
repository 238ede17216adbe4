"""A cache of the facts of a drop that never change once it opens, for claims that come by HTTP.

Used by `claims.py`. When a room falls back to HTTP, one drop is asked for thousands of times a second, and
the first look-up serves them all. The rooms' state in Redis is read before the ledger, so that claims go on
while the ledger is away.

Any student's token can ask for drops that do not exist. Therefore a look-up of one drop never waits for
that of another; each costs one round trip to Redis and one read of the ledger, whatever the token says; and
a drop that was not found is not looked up again for MISS_TTL_MS.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from server.core.drops.claims import Audience
from server.core.drops.drops import DropState, RoomDrop
from server.core.drops.tasks import Task
from server.desk.feed.feed import Feed
from server.flows.drops.views.room_drops import audience_of, desk_limits
from server.ledger.database_errors import LedgerUnavailableError
from server.ledger.drops import drops
from server.ledger.engine import Ledger
from server.ledger.promotions import batches
from server.single_flight import SingleFlight

V = TypeVar("V")

MAX_DROPS = 1_024
MAX_MISSES = 4_096
MISS_TTL_MS = 1_000


@dataclass(frozen=True, slots=True)
class ClaimableDrop:
    """The facts of a drop that a claim needs; none of them changes once the drop opens. `is_waiting`: it is
    prepared, or on its way to the desk. A teacher may still change it."""

    room: str
    shard: int
    batch_id: str
    audience: Audience
    campaign_id: str | None
    task: Task | None = None
    is_draw: bool = False
    is_rehearsal: bool = False
    is_waiting: bool = False


class DropLookup:
    """Finds drops by id; caches the last MAX_DROPS found and the last MAX_MISSES not found."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._found: OrderedDict[str, ClaimableDrop] = OrderedDict()
        # Drop id -> when it may be looked up again, in ms.
        self._missing: OrderedDict[str, int] = OrderedDict()
        self._in_rooms: SingleFlight[tuple[str, frozenset[str]], RoomDrop | None] = SingleFlight()
        self._in_ledger: SingleFlight[str, ClaimableDrop | None] = SingleFlight()

    async def find(
        self, ledger: Ledger, drop_id: str, rooms: Collection[str], now: int
    ) -> ClaimableDrop | None:
        """Return the drop, or None where there is none yet.

        `rooms` are searched before the ledger. Raises DeskUnavailableError or LedgerUnavailableError where
        the drop is not cached and the one that is needed does not respond.
        """
        drop = self._found.get(drop_id)
        if drop is not None:
            self._found.move_to_end(drop_id)
            return drop
        # A drop is written to the ledger before its room shows it, so a miss in the ledger also means
        # that no room shows it.
        if now < self._missing.get(drop_id, now):
            return None
        drop = await self._look_up(ledger, drop_id, frozenset(rooms))
        if drop is None:
            _put(self._missing, drop_id, now + MISS_TTL_MS, MAX_MISSES)
        elif not drop.is_waiting:
            _put(self._found, drop_id, drop, MAX_DROPS)
        return drop

    async def waits_to_open(self, ledger: Ledger, room: str, drop_id: str, now: int) -> bool:
        """Return whether the room has this drop prepared; False while the ledger is away."""
        try:
            drop = await self.find(ledger, drop_id, (), now)
        except LedgerUnavailableError:
            return False
        return drop is not None and drop.is_waiting and drop.room == room

    async def _look_up(
        self, ledger: Ledger, drop_id: str, rooms: frozenset[str]
    ) -> ClaimableDrop | None:
        in_room = await self._in_rooms.run(
            (drop_id, rooms), lambda: self._feed.find_drop(rooms, drop_id)
        )
        if in_room is not None:
            return _from_room(in_room)
        return await self._in_ledger.run(drop_id, lambda: _from_ledger(ledger, drop_id))


def _put(cache: OrderedDict[str, V], drop_id: str, value: V, max_size: int) -> None:
    cache[drop_id] = value
    cache.move_to_end(drop_id)
    if len(cache) > max_size:
        cache.popitem(last=False)


def _from_room(drop: RoomDrop) -> ClaimableDrop:
    return ClaimableDrop(
        *(drop.room, drop.shard, drop.batch_id, drop.audience, drop.campaign_id, drop.task),
        is_draw=drop.draw is not None,
        is_rehearsal=drop.rehearsal,
    )


async def _from_ledger(ledger: Ledger, drop_id: str) -> ClaimableDrop | None:
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        batch = await batches.find(conn, row.batch_id) if row is not None else None
    if row is None or batch is None:
        return None
    limits = desk_limits(row, batch)
    return ClaimableDrop(
        row.room,
        row.shard,
        limits["batch_id"],
        audience_of(row, batch),
        limits["campaign_id"],
        row.task,
        is_draw=row.draw is not None,
        is_rehearsal=row.rehearsal,
        is_waiting=row.state in (DropState.PREPARED, DropState.OPENING),
    )
