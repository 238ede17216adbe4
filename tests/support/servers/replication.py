"""A primary and a replica, both real, behind one address; and the wire between them, which a test may
hold back, so that the replica lags for as long as it likes.

`pair` has both following; whoever is promoted takes over the address, as a failover does it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest_asyncio
import redis

from server.core.drops.claims import ClaimState
from server.desk.redis.connection import connect
from tests.support.builders.desks import SHARD, Desk
from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import free_port

_SYNC_SECONDS = 20.0


@dataclass(slots=True)
class Wire:
    """Carries what a primary sends to a replica, until it is told to hold it back. What a replica says
    to its primary passes always: it is there, and behind."""

    port: int
    target: int
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _ends: list[asyncio.StreamWriter] = field(default_factory=list)
    _joins: set[asyncio.Task[None]] = field(default_factory=set)

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Break the connection; the bytes that were held back are lost."""
        for end in self._ends:
            end.transport.abort()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        self.release()
        server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            server.close()
            self.release()
            self.cut()
            if self._joins:
                await asyncio.wait(self._joins)

    async def _join(self, inner: asyncio.StreamReader, outer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._joins.add(task)
        task.add_done_callback(self._joins.discard)
        try:
            answers, asks = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            outer.transport.abort()
            return
        self._ends += [outer, asks]
        await asyncio.gather(
            self._carry(answers, outer, waits=True), self._carry(inner, asks, waits=False)
        )

    async def _carry(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, waits: bool
    ) -> None:
        try:
            while data := await source.read(65536):
                if waits:
                    await self._open.wait()
                to.write(data)
                await to.drain()
        except OSError:
            pass
        to.transport.abort()


@dataclass(slots=True)
class Pair:
    """`url` leads to whoever is the primary."""

    primary: RedisServer
    replica: RedisServer
    wire: Wire
    address: Path

    @property
    def url(self) -> str:
        return f"unix://{self.address}"

    def lead_to(self, server: RedisServer) -> None:
        ahead = self.address.with_suffix(".new")
        ahead.symlink_to(server.path)
        os.replace(ahead, self.address)

    async def follow(self) -> None:
        """Wait until the replica has everything."""
        ask(self.replica, "REPLICAOF", "127.0.0.1", str(self.wire.port))

        async with connect(self.primary.url) as client, client.client() as one:

            async def is_followed() -> bool:
                await one.set("followed", 1)
                return bool(await one.wait(1, 200) == 1)

            await eventually(is_followed, _SYNC_SECONDS)
            await client.aclose(close_connection_pool=True)

    def promote(self) -> None:
        """The replica as it is now, whatever it lacks."""
        self.wire.cut()
        ask(self.replica, "REPLICAOF", "NO", "ONE")
        self.lead_to(self.replica)

    def fail_over(self, *_: object) -> None:
        """The primary is gone, as a machine goes."""
        self.primary.kill9()
        self.promote()


def ask(server: RedisServer, *command: str) -> bytes:
    """Its answer as it is."""
    with redis.Redis(unix_socket_path=server.path) as client:
        client.response_callbacks.clear()
        return bytes(client.execute_command(*command))


@asynccontextmanager
async def running_pair(folder: Path) -> AsyncIterator[Pair]:
    port = free_port()
    with (
        RedisServer(folder / "primary", port=port) as primary,
        RedisServer(folder / "replica", port=free_port()) as replica,
    ):
        async with Wire(free_port(), port).laid() as wire:
            pair = Pair(primary, replica, wire, Path(primary.path).with_name("at"))
            pair.lead_to(primary)
            await pair.follow()
            yield pair


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with running_pair(tmp_path) as made:
        yield made


async def winners(
    desk: Desk, *students: str, shard: int = SHARD, drop_id: str = "drp_1"
) -> set[str]:
    """Return the students who hold a unit on the desk."""
    (row,) = await desk.drops.claims_of([(shard, drop_id, students)])
    held = (ClaimState.WON, ClaimState.CONFIRMED)
    return {s for s, one in zip(students, row, strict=True) if one and one.state in held}
