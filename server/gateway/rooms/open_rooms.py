"""The rooms that have members on this gateway, and the members who have to be welcomed again.

A leaf that all who work on rooms share: `room_loader.py` opens and closes rooms, `feed_follower.py`,
`coupon_changes.py` and `win_recovery.py` find that a room has missed something, and `join_queue.py` welcomes
its members again. So these need not know each other.
"""

import asyncio

from server.gateway.rooms.room import Room
from server.gateway.sockets.connection import Connection


class OpenRooms:
    """`by_name` has the rooms whose state has been read."""

    def __init__(self) -> None:
        self.by_name: dict[str, Room] = {}
        # Without a bound of its own: its reader never waits for anything else, so that it is empty again one
        # turn of the loop later.
        self._unwelcomed: asyncio.Queue[tuple[str, list[Connection]]] = asyncio.Queue()

    def all(self) -> list[Room]:
        """Return a copy, which may be iterated over an await."""
        return list(self.by_name.values())

    def welcome_again(self, room: Room) -> None:
        """Queue the members of a room whose state was read anew. They receive nothing else from now on: a
        frame that was queued for them is older than the state that they will be welcomed with."""
        members = room.reset_members()
        if members:
            self._unwelcomed.put_nowait((room.name, members))

    async def next_unwelcomed(self) -> tuple[str, list[Connection]]:
        """Wait for the next room. Return its name and the members to welcome."""
        return await self._unwelcomed.get()
