"""One pub/sub connection of a gateway: the channels of its rooms, and a heartbeat through all of it.

Made by the composition root, run by gateway/background_tasks.py. Redis' pub/sub loses messages silently when
a connection breaks (38 of 200 in a trial) and redis-py does not notice a frozen server. So the gateway sends
itself a heartbeat through Redis; when it does not come back in time the connection is thrown away, made anew,
and `on_reconnect` says that every room may have a gap.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from server.desk.keys import RoomKeys, channel_in
from server.desk.redis.connection import database_of

HEARTBEAT_SECONDS = 0.5
SILENCE_SECONDS = 1.5  # nothing heard for that long: the connection is dead
_RETRY_SECONDS = 0.2
# With the pause above: who connects into a black hole is at most this much late when it ends.
_CONNECT_SECONDS = 1.0
_CALL_SECONDS = 2.0


class Subscription:
    """`on_message(room, payload)` and `on_reconnect()` are called from the loop; they must not
    raise and not wait."""

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        gateway_id: str,
        on_message: Callable[[str, bytes], None],
        on_reconnect: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._database = database_of(redis)
        heartbeat = f"{prefix}:heartbeat:{gateway_id}"
        self._heartbeat = channel_in(self._database, heartbeat).encode()
        self._on_message = on_message
        self._on_reconnect = on_reconnect
        self._rooms: dict[bytes, str] = {}  # channel -> room
        self._taken: dict[bytes, asyncio.Event] = {}  # channels whose subscription is on its way
        self._pubsub: PubSub | None = None
        self._patience: asyncio.Timeout | None = None  # with the connection that is listened to
        self._heard_at = monotonic()

    @property
    def heartbeat_age(self) -> float:
        return monotonic() - self._heard_at

    async def add_room(self, room: str) -> None:
        """Returns once Redis has taken the subscription, so that what is read afterwards has no gap.
        Where the connection is down it is part of the next one, which begins with on_reconnect."""
        channel = self._channel(room)
        self._rooms[channel] = room
        if self._pubsub is None:
            return
        taken = self._taken.setdefault(channel, asyncio.Event())
        async with self._asked_in_time():
            await self._pubsub.ssubscribe(channel)
            await taken.wait()
        self._taken.pop(channel, None)

    async def drop_room(self, room: str) -> None:
        channel = self._channel(room)
        self._rooms.pop(channel, None)
        if self._pubsub is not None:
            async with self._asked_in_time():
                await self._pubsub.sunsubscribe(channel)

    @asynccontextmanager
    async def _asked_in_time(self) -> AsyncIterator[None]:
        """What fails here leaves it open who is subscribed: the connection is made anew."""
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                yield
        except (RedisError, OSError, TimeoutError):
            self._listen_for(0)

    def _channel(self, room: str) -> bytes:
        return RoomKeys(self._prefix, room, self._database).channel.encode()

    async def run(self) -> None:
        """Until cancelled: connect, listen, and start again whenever that ends."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_heartbeats())
            while True:
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await self._listen()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        pubsub = self._redis.pubsub()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                known = list(self._rooms)
                await pubsub.ssubscribe(*known, self._heartbeat)
                self._pubsub = pubsub  # from here on add_room subscribes by itself
                meanwhile = self._rooms.keys() - set(known)
                if meanwhile:
                    await pubsub.ssubscribe(*meanwhile)
            # Around all of it, because redis-py may connect within a read, and has no deadline there.
            async with asyncio.timeout(SILENCE_SECONDS) as self._patience:
                while True:
                    message = await pubsub.get_message(timeout=None)
                    if message is not None:
                        self._take(message["type"], message["channel"], message["data"])
        finally:
            self._pubsub = self._patience = None
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CALL_SECONDS):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _take(self, kind: str, channel: bytes, payload: bytes) -> None:
        self._heard_at = monotonic()  # any message shows that the connection lives
        self._listen_for(SILENCE_SECONDS)
        if kind == "ssubscribe":
            if channel in self._taken:
                self._taken[channel].set()
            if channel == self._heartbeat:
                # The last of its command: all rooms are subscribed now, and what is read from here on
                # has no gap. It comes again where redis-py has made the connection anew by itself.
                self._on_reconnect()
        elif kind == "smessage" and channel in self._rooms:
            self._on_message(self._rooms[channel], payload)

    def _listen_for(self, seconds: float) -> None:
        """From now on, to the connection there is."""
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _send_heartbeats(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self._redis.spublish(self._heartbeat, b"")
            await asyncio.sleep(HEARTBEAT_SECONDS)
