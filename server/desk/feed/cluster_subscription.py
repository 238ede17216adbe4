"""The pub/sub connections of a gateway to a cluster: one for each primary, each with a heartbeat of its own.

Made by the composition root. A sharded channel lives where its slot lives. When a slot moves, Redis ends its
subscriptions unasked; when a primary is lost, its connection ends. Either way the table of slots is read
anew, and every room is subscribed where it belongs now; `on_reconnect` then says that rooms may have a gap.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from server.desk.feed.subscription import Listener, ServerSubscription, Subscription
from server.desk.keys import RoomKeys
from server.desk.redis.cluster import Cluster
from server.desk.redis.nodes import Nodes
from server.desk.redis.slot_table import Address

_RETRY_SECONDS: Final = 0.2
_HEARTBEAT_TRIES: Final = 20_000  # channels until one is in a slot of a node that has few of them


def subscription_of(redis: Nodes, prefix: str, gateway_id: str) -> Subscription:
    """Return the subscription of a gateway to one server or to a cluster."""
    if isinstance(redis, Cluster):
        return ClusterSubscription(redis, prefix, gateway_id)
    return ServerSubscription(redis, prefix, gateway_id)


class _NodeSubscription(ServerSubscription):
    """The rooms of one primary. `on_lost(room)` is called for a room whose slot has moved away."""

    def __init__(
        self,
        cluster: Cluster,
        address: Address,
        prefix: str,
        gateway_id: str,
        on_lost: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._address = address
        self._gateway_id = gateway_id
        self._on_lost = on_lost
        super().__init__(cluster.node(address), prefix, gateway_id)

    @property
    def rooms(self) -> Collection[str]:
        return self._rooms.values()

    def adopt(self, room: str) -> None:
        """Make the room part of the next connection."""
        self._rooms[self._channel(room)] = room

    def forget(self, room: str) -> None:
        """Drop a room that the node has no more; Redis has ended its subscription, or does so."""
        self._rooms.pop(self._channel(room), None)

    def _heartbeat_of(self, gateway_id: str) -> bytes:
        for number in range(_HEARTBEAT_TRIES):
            channel = f"{self._prefix}:heartbeat:{gateway_id}:{number}"
            if self._cluster.owner(channel) == self._address:
                return channel.encode()
        return b""  # it has no slots: its subscription is about to end

    async def _listen(self, listener: Listener) -> None:
        self._heartbeat = self._heartbeat_of(self._gateway_id)
        if self._heartbeat:
            await super()._listen(listener)

    async def _subscribe(self, pubsub: PubSub, channels: Collection[bytes]) -> None:
        for channel in channels:  # channels of several slots in one command are refused
            await pubsub.ssubscribe(channel)

    def _take(self, listener: Listener, kind: str, channel: bytes, payload: bytes) -> None:
        super()._take(listener, kind, channel, payload)
        if kind != "sunsubscribe":
            return
        if channel == self._heartbeat:
            raise RedisConnectionError("the slot of the heartbeat has moved")
        room = self._rooms.pop(channel, None)  # None: it was asked for
        if room is not None:
            self._on_lost(room)


class ClusterSubscription(Subscription):
    """The rooms of all primaries, each where it belongs as far as is known."""

    def __init__(self, cluster: Cluster, prefix: str, gateway_id: str) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._gateway_id = gateway_id
        self._rooms: dict[str, None] = {}
        self._parts: dict[Address, _NodeSubscription] = {}
        self._tasks: dict[Address, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._made_at = monotonic()

    @property
    def heartbeat_age(self) -> float:
        ages = [part.heartbeat_age for part in self._parts.values()]
        return max(ages) if ages else monotonic() - self._made_at

    async def add_room(self, room: str) -> None:
        self._rooms[room] = None
        part = self._part_of(room)
        if part is not None:
            await part.add_room(room)

    async def drop_room(self, room: str) -> None:
        self._rooms.pop(room, None)
        for part in self._parts.values():
            if room in part.rooms:
                await part.drop_room(room)

    def _part_of(self, room: str) -> _NodeSubscription | None:
        owner = self._cluster.owner(RoomKeys(self._prefix, room).channel)
        return self._parts.get(owner) if owner is not None else None

    async def run(self, listener: Listener) -> None:
        self._cluster.call_when_read(self._changed.set)
        async with asyncio.TaskGroup() as tasks:
            while not self._cluster.primaries():
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await self._cluster.refresh()
                await asyncio.sleep(0 if self._cluster.primaries() else _RETRY_SECONDS)
            while True:
                self._changed.clear()
                self._follow_primaries(listener, tasks)
                if await self._move_rooms():
                    listener.on_reconnect()
                await self._changed.wait()

    def _follow_primaries(self, listener: Listener, tasks: asyncio.TaskGroup) -> None:
        """Have one part for each primary. A new one begins with the rooms that belong to it."""
        primaries = self._cluster.primaries()
        for address in self._parts.keys() - set(primaries):
            self._tasks.pop(address).cancel()
            del self._parts[address]
        for address in primaries:
            if address not in self._parts:
                part = _NodeSubscription(
                    self._cluster, address, self._prefix, self._gateway_id, self._lost
                )
                self._parts[address] = part
                for room in self._rooms:
                    if self._part_of(room) is part:
                        part.adopt(room)
                self._tasks[address] = tasks.create_task(part.run(listener))

    async def _move_rooms(self) -> bool:
        """Subscribe each room where it belongs now; return whether one has moved."""
        has_moved = False
        for room in list(self._rooms):
            part = self._part_of(room)
            for other in self._parts.values():
                if other is not part:
                    other.forget(room)
            if part is not None and room not in part.rooms:
                await part.add_room(room)
                has_moved = True
        return has_moved

    def _lost(self, room: str) -> None:
        """Read where the room is now; `run` then subscribes it there."""
        del room
        self._cluster.doubt()
