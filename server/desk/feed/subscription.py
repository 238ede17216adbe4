"""The pub/sub connection of a gateway: the channels of its rooms, and a heartbeat.

Made by the composition root, run by gateway/factory.py. In a cluster there is one for each primary
(cluster_subscription.py). Redis' pub/sub loses messages silently when a
connection breaks (38 of 200 in a trial), and redis-py does not notice a frozen server. So the gateway sends
itself a heartbeat through Redis. When the heartbeat does not come back in time, the connection is replaced,
and `on_reconnect` says that every room may have a gap.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from time import monotonic
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from server.desk.keys import RoomKeys, channel_in
from server.desk.redis.connection import database_of

HEARTBEAT_SECONDS = 0.5
SILENCE_SECONDS = 1.5  # a connection without a message for that long is dead
_RETRY_SECONDS = 0.2
# A connection into a black hole ends after this time plus the pause above.
_CONNECT_SECONDS = 1.0
_CALL_SECONDS = 2.0


class Listener(Protocol):
    """Both methods are called from the event loop; they must not raise, and must not wait."""

    def on_message(self, room: str, payload: bytes, /) -> None: ...

    def on_reconnect(self) -> None:
        """All rooms are subscribed from now on. Anything published before may have been missed."""
        ...


class Subscription(ABC):
    """Rooms may be added and dropped at any time, also while `run` has no connection."""

    @property
    @abstractmethod
    def heartbeat_age(self) -> float:
        """Seconds since Redis was heard of; of several connections, of the one that is silent for longest."""

    @abstractmethod
    async def add_room(self, room: str) -> None:
        """Subscribe, and return once Redis has confirmed it: a state that is read afterwards has no gap.
        While the connection is down, the room is part of the next one, which begins with `on_reconnect`.
        """

    @abstractmethod
    async def drop_room(self, room: str) -> None:
        """Listen to the room no more."""

    @abstractmethod
    async def run(self, listener: Listener) -> None:
        """Connect, listen, and start again whenever that ends, until cancelled."""


class ServerSubscription(Subscription):
    """The rooms of one server, on one connection."""

    def __init__(self, redis: Redis, prefix: str, gateway_id: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._database = database_of(redis)
        self._heartbeat = self._heartbeat_of(gateway_id)
        self._rooms: dict[bytes, str] = {}  # channel -> room
        self._confirmed: dict[
            bytes, asyncio.Event
        ] = {}  # channels that wait for Redis' confirmation
        self._pubsub: PubSub | None = None
        self._deadline: asyncio.Timeout | None = None  # for the next message
        self._heard_at = monotonic()

    def _heartbeat_of(self, gateway_id: str) -> bytes:
        return channel_in(self._database, f"{self._prefix}:heartbeat:{gateway_id}").encode()

    @property
    def heartbeat_age(self) -> float:
        return monotonic() - self._heard_at

    async def add_room(self, room: str) -> None:
        channel = self._channel(room)
        self._rooms[channel] = room
        if self._pubsub is None:
            return
        confirmed = self._confirmed.setdefault(channel, asyncio.Event())
        async with self._call_deadline():
            await self._pubsub.ssubscribe(channel)
            await confirmed.wait()
        self._confirmed.pop(channel, None)

    async def drop_room(self, room: str) -> None:
        channel = self._channel(room)
        self._rooms.pop(channel, None)
        if self._pubsub is not None:
            async with self._call_deadline():
                await self._pubsub.sunsubscribe(channel)

    @asynccontextmanager
    async def _call_deadline(self) -> AsyncIterator[None]:
        """Bound one call. After a failure it is unknown what is subscribed: the connection is replaced."""
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                yield
        except (RedisError, OSError, TimeoutError):
            self._listen_for(0)

    def _channel(self, room: str) -> bytes:
        return RoomKeys(self._prefix, room, self._database).channel.encode()

    async def run(self, listener: Listener) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_heartbeats())
            while True:
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await self._listen(listener)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self, listener: Listener) -> None:
        pubsub = self._redis.pubsub()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                known = list(self._rooms)
                await self._subscribe(pubsub, [*known, self._heartbeat])
                self._pubsub = pubsub  # from now on `add_room` subscribes by itself
                await self._subscribe(pubsub, self._rooms.keys() - set(known))
            # One deadline around the loop, because redis-py may reconnect within a read, without a deadline.
            async with asyncio.timeout(SILENCE_SECONDS) as self._deadline:
                while True:
                    message = await pubsub.get_message(timeout=None)
                    if message is not None:
                        self._take(listener, message["type"], message["channel"], message["data"])
        finally:
            self._pubsub = self._deadline = None
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CALL_SECONDS):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _subscribe(self, pubsub: PubSub, channels: Collection[bytes]) -> None:
        if channels:
            await pubsub.ssubscribe(*channels)

    def _take(self, listener: Listener, kind: str, channel: bytes, payload: bytes) -> None:
        self._heard_at = monotonic()  # any message shows that the connection lives
        self._listen_for(SILENCE_SECONDS)
        if kind == "ssubscribe":
            if channel in self._confirmed:
                self._confirmed[channel].set()
            if channel == self._heartbeat:
                # The heartbeat is the last channel of its command: all rooms are subscribed now, and a state
                # that is read from now on has no gap. This confirmation comes again when redis-py has
                # replaced the connection by itself.
                listener.on_reconnect()
        elif kind == "smessage" and channel in self._rooms:
            listener.on_message(self._rooms[channel], payload)

    def _listen_for(self, seconds: float) -> None:
        """Move the deadline of the present connection."""
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _send_heartbeats(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self._redis.spublish(self._heartbeat, b"")
            await asyncio.sleep(HEARTBEAT_SECONDS)
