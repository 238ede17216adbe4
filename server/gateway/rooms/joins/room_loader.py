"""Opens a room when its first member joins, and closes it some time after the last one has left.

Used by `join_queue.py` and for HTTP snapshots. An open room is kept up to date by `feed_follower.py`.
"""

import asyncio

from server.desk.feed.subscription import Subscription
from server.gateway.rooms.broadcast import OnSent
from server.gateway.rooms.feed.coupon_changes import CouponChanges
from server.gateway.rooms.feed.feed_follower import FeedFollower
from server.gateway.rooms.feed.room_reader import RoomReader
from server.gateway.rooms.open_rooms import OpenRooms
from server.gateway.rooms.room import Room

EMPTY_ROOM_KEPT_MS = 30_000  # a class that reloads its pages finds the room open


class RoomLoader:
    """The only class that adds rooms to the open ones and removes them. `on_sent`: see `Broadcast`."""

    def __init__(
        self,
        *,
        rooms: OpenRooms,
        reader: RoomReader,
        subscription: Subscription,
        coupon_changes: CouponChanges,
        follower: FeedFollower,
        on_sent: OnSent,
    ) -> None:
        self._rooms = rooms
        self._reader = reader
        self._subscription = subscription
        self._coupon_changes = coupon_changes
        self._follower = follower
        self._on_sent = on_sent
        self._loading: dict[str, asyncio.Task[Room]] = {}
        self._empty_since: dict[str, int] = {}  # room -> ms

    async def load(self, name: str) -> Room:
        """Return the room; open it if it is not open. Concurrent callers share one read.

        Raises DeskUnavailableError where Redis does not answer."""
        room = self._rooms.by_name.get(name)
        if room is not None:
            return room
        task = self._loading.get(name)
        if task is None:
            task = self._loading[name] = asyncio.ensure_future(self._open(name))
            task.add_done_callback(lambda _: self._loading.pop(name, None))
        return await asyncio.shield(task)

    async def _open(self, name: str) -> Room:
        """Subscribe first, then read the state: a publication between the two is then not lost. It is
        dropped, because the room is not open yet, and `heal_soon` finds it in the stream."""
        await self._coupon_changes.listen()
        await self._subscription.add_room(name)
        room = Room(name, self._on_sent)
        state = await self._reader.state(name)
        room.load(state, await self._reader.counts(state))
        room.winner_names.know(await self._reader.winners(name, state))
        self._rooms.by_name[name] = room
        self._follower.heal_soon(name)
        return room

    async def close_empty_rooms(self, now: int) -> None:
        """Close and unsubscribe rooms that have been without members for EMPTY_ROOM_KEPT_MS."""
        for room in self._rooms.all():
            if not room.is_empty:
                self._empty_since.pop(room.name, None)
            elif now - self._empty_since.setdefault(room.name, now) >= EMPTY_ROOM_KEPT_MS:
                del self._rooms.by_name[room.name], self._empty_since[room.name]
                await self._subscription.drop_room(room.name)
