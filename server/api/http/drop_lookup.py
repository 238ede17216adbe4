"""What never changes of a drop, kept at hand for claims that come by HTTP.

Part of `ApiDependencies`, asked by `claims.py`. A room that falls back to HTTP asks for one drop thousands of
times in a second; one look-up is enough. What the student's rooms show comes first: the ledger may be
away, and claims go on.

Anybody with a student's token can ask for drops that do not exist. So nobody waits for the look-up of
another drop, a look-up is one round trip to Redis and one read of the ledger whatever the token says, and
a drop that was not found is not looked for again for a second.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeVar

from server.core.drops.claims import Audience
from server.core.drops.drops import RoomDrop
from server.desk.feed import Feed
from server.ledger.drops import drops
from server.ledger.engine import Ledger
from server.ledger.promotions import batches
from server.single_flight import SingleFlight

V = TypeVar("V")

MAX_DROPS = 1_024
MAX_MISSES = 4_096
MISS_KEPT_MS = 1_000


@dataclass(frozen=True, slots=True)
class DropFact:
    room: str
    shard: int
    batch_id: str
    audience: Audience
    campaign_id: str | None


class DropFacts:
    """The drops that were asked for last, and those that lately were none."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: OrderedDict[str, DropFact] = OrderedDict()
        self._missing: OrderedDict[str, int] = (
            OrderedDict()
        )  # drop id -> ms until it is looked for again
        self._in_rooms: SingleFlight[tuple[str, frozenset[str]], RoomDrop | None] = SingleFlight()
        self._in_ledger: SingleFlight[str, DropFact | None] = SingleFlight()

    async def find(
        self, ledger: Ledger, drop_id: str, rooms: Collection[str], now: int
    ) -> DropFact | None:
        """None: there is no such drop so far. `rooms`: where to look before the ledger is asked."""
        fact = self._known.get(drop_id)
        if fact is not None:
            self._known.move_to_end(drop_id)
            return fact
        # A drop is in the ledger before a room shows it: what the ledger did not know no room shows.
        if now < self._missing.get(drop_id, now):
            return None
        fact = await self._look(ledger, drop_id, frozenset(rooms))
        if fact is None:
            _keep(self._missing, drop_id, now + MISS_KEPT_MS, MAX_MISSES)
        else:
            _keep(self._known, drop_id, fact, MAX_DROPS)
        return fact

    async def _look(self, ledger: Ledger, drop_id: str, rooms: frozenset[str]) -> DropFact | None:
        shown = await self._in_rooms.share(
            (drop_id, rooms), lambda: self._feed.find_drop(rooms, drop_id)
        )
        if shown is not None:
            return _fact_of(shown)
        return await self._in_ledger.share(drop_id, lambda: _recorded(ledger, drop_id))


def _keep(kept: OrderedDict[str, V], drop_id: str, value: V, most: int) -> None:
    kept[drop_id] = value
    kept.move_to_end(drop_id)
    if len(kept) > most:
        kept.popitem(last=False)


def _fact_of(drop: RoomDrop) -> DropFact:
    return DropFact(drop.room, drop.shard, drop.batch_id, drop.audience, drop.campaign_id)


async def _recorded(ledger: Ledger, drop_id: str) -> DropFact | None:
    async with ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        batch = await batches.find(conn, row.batch_id) if row is not None else None
    if row is None or batch is None:
        return None
    audience = replace(row.audience, conditions=batch.conditions)
    return DropFact(row.room, row.shard, row.batch_id, audience, batch.campaign_id)
