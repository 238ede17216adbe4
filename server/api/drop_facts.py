"""What never changes of a drop, kept at hand for claims that come by HTTP.

Part of `ApiParts`, asked by `claims.py`. A room that falls back to HTTP asks for one drop thousands of
times in a second; one look is enough. What the student's room shows comes first: the ledger may be away,
and claims go on.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace

from server.core.claims import Audience
from server.core.drops import RoomDrop
from server.desk.feed import Feed
from server.ledger import batches, drops
from server.ledger.engine import Ledger

MAX_DROPS = 1_024


@dataclass(frozen=True, slots=True)
class DropFact:
    room: str
    shard: int
    batch_id: str
    audience: Audience
    campaign_id: str | None


class DropFacts:
    """The drops that were asked for last."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._known: OrderedDict[str, DropFact] = OrderedDict()
        # One look at a time: whoever waited finds it known.
        self._looking = asyncio.Lock()

    async def find(self, ledger: Ledger, drop_id: str, rooms: Collection[str]) -> DropFact | None:
        """None: no such drop, so far. `rooms`: where to look before the ledger is asked."""
        if drop_id not in self._known:
            async with self._looking:
                if drop_id not in self._known:
                    await self._look(ledger, drop_id, rooms)
        fact = self._known.get(drop_id)
        if fact is not None:
            self._known.move_to_end(drop_id)
        return fact

    async def _look(self, ledger: Ledger, drop_id: str, rooms: Collection[str]) -> None:
        shown = await self._shown(drop_id, rooms)
        fact = _fact_of(shown) if shown is not None else await _recorded(ledger, drop_id)
        if fact is None:
            return
        self._known[drop_id] = fact
        if len(self._known) > MAX_DROPS:
            self._known.popitem(last=False)

    async def _shown(self, drop_id: str, rooms: Collection[str]) -> RoomDrop | None:
        for room in rooms:
            for drop in (await self._feed.state(room)).drops:
                if drop.id == drop_id:
                    return drop
        return None


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
