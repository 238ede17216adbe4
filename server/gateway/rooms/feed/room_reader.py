"""Reads what a room shows from Redis: its state and its streams in the feed, and the counters of its drops.

Used by `room_loader.py` and `feed_follower.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from server.clock import now_ms
from server.core.drops.winner_names import NamedWinners
from server.desk.drops.drop_desk import DropDesk
from server.desk.drops.drop_state import DeskCounts
from server.desk.feed.feed import Feed, RoomState
from server.desk.feed.feed_messages import Losses, Publication
from server.gateway.rooms.room import visible_drops


@dataclass(frozen=True, slots=True)
class RoomReader:
    """Every method raises DeskUnavailableError where Redis does not answer."""

    feed: Feed
    drop_desk: DropDesk

    async def state(self, room: str) -> RoomState:
        return await self.feed.state(room)

    async def publications_since(self, room: str, offset: int) -> list[Publication]:
        return await self.feed.publications_since(room, offset)

    async def losses_since(self, room: str, offset: int) -> list[Losses]:
        return await self.feed.losses_since(room, offset)

    async def winners(self, room: str, state: RoomState) -> Mapping[str, NamedWinners]:
        """Return drop id -> the masked names that the room was told, of drops that show them."""
        shown = [drop.id for drop in visible_drops(state.drops, now_ms()) if drop.show_winners]
        return await self.feed.told_winners(room, shown) if shown else {}

    async def counts(self, state: RoomState) -> dict[str, DeskCounts]:
        """Return drop id -> counters, of the drops that a room in this state shows."""
        drops = visible_drops(state.drops, now_ms())
        if not drops:
            return {}
        found = await self.drop_desk.counts_of_many([(drop.shard, drop.id) for drop in drops])
        counted = zip(drops, found, strict=True)
        return {drop.id: counts for drop, counts in counted if counts is not None}
