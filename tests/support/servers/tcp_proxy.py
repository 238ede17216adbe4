"""A network between two programs that does what a test says: slow, silent, cut, half closed, shut.

Listens on loopback (or a unix socket) and forwards to a target of either kind. Runs in the test's own
event loop; knows bytes only. Each way of a conversation is disturbed by itself, and `heal` ends all of
it. What was cut stays cut, as in a real network; what was held back arrives after all.

    async with TcpProxy(("127.0.0.1", 6000), seed=7) as proxy:
        connect(proxy.port)
        proxy.hold(Way.DOWN)      # requests arrive, answers do not
        await proxy.heal()
"""

import asyncio
import os
import random
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

Address = tuple[str, int] | str  # of TCP, or the path of a unix socket

_CHUNK_BYTES = 65_536
_CHUNKS_UNDER_WAY = 64  # on a slow way; then whoever sends has to wait
_CONNECT_SECONDS = 5
_BACKLOG = 1_024
_NO_LINGER = struct.pack("ii", 1, 0)  # a close becomes an RST


class Way(StrEnum):
    UP = "up"  # from whoever connected to the target
    DOWN = "down"


BOTH = (Way.UP, Way.DOWN)


@dataclass(slots=True)
class _Lane:
    """The present state of one direction of all connections. `passed` counts bytes since the start."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_left: int | None = None
    passed: int = 0
    is_free: asyncio.Event = field(default_factory=asyncio.Event)

    def heal(self) -> None:
        self.latency_s = self.jitter_s = 0.0
        self.bytes_left = None
        self.is_free.set()

    def let_through(self, data: bytes) -> bytes:
        if self.bytes_left is not None:
            data = data[: self.bytes_left]
            self.bytes_left -= len(data)
        self.passed += len(data)
        return data


class _Connection:
    """One conversation: who connected is near, the target is far. `job` carries it."""

    def __init__(
        self, near: asyncio.StreamWriter, far: asyncio.StreamWriter, job: asyncio.Task[None]
    ) -> None:
        self._job = job
        self.is_lost = False
        self._sinks = {Way.UP: far, Way.DOWN: near}
        self._ended: set[Way] = set()
        for writer in (near, far):
            writer.transport.set_write_buffer_limits(
                0
            )  # a drain waits until all is with the kernel

    async def give(self, way: Way, data: bytes) -> None:
        sink = self._sinks[way]
        if way not in self._ended:
            sink.write(data)
            await sink.drain()

    def end(self, way: Way) -> None:
        """No more comes this way: the receiver is told so, what is still said is nobody's."""
        if way not in self._ended:
            self._ended.add(way)
            with suppress(OSError):
                self._sinks[way].write_eof()

    def reset(self) -> None:
        for sink in self._sinks.values():
            _reset(sink)

    def cut(self) -> None:
        """Also what was held back: that has nobody to go to."""
        self.reset()
        self._job.cancel()


class TcpProxy:
    """Serves from entry to exit, at an `address` that stays the same through every `refuse` and
    `heal`. `seed` decides the jitter."""

    def __init__(self, target: Address, *, path: str | None = None, seed: int = 0) -> None:
        self._target = target
        self._path = path
        self._random = random.Random(seed)
        self._lanes = {way: _Lane() for way in BOTH}
        self._connections: set[_Connection] = set()
        self._jobs: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._reservation: socket.socket | None = None
        for lane in self._lanes.values():
            lane.heal()

    async def __aenter__(self) -> Self:
        if self._path is None:
            self._reservation = _bound(0)
        await self._listen()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.refuse()
        self.cut()
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        if self._reservation is not None:
            self._reservation.close()

    @property
    def address(self) -> Address:
        return self._path or ("127.0.0.1", self.port)

    @property
    def port(self) -> int:
        assert self._reservation is not None, "listens on a unix socket, or not yet"
        port: int = self._reservation.getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        return len(self._connections)

    def passed(self, way: Way) -> int:
        """Bytes delivered so far."""
        return self._lanes[way].passed

    # --- disturbances ---------------------------------------------------------------------------

    def delay(self, latency_s: float, jitter_s: float = 0.0, ways: Sequence[Way] = BOTH) -> None:
        """Delay bytes from now on by `latency_s` and up to `jitter_s` more; their order stays."""
        for way in ways:
            self._lanes[way].latency_s, self._lanes[way].jitter_s = latency_s, jitter_s

    def hold(self, *ways: Way) -> None:
        """A black hole, in both ways where none is named: connections are made and kept, nothing
        arrives, not even that somebody left."""
        for way in ways or BOTH:
            self._lanes[way].is_free.clear()

    def cut(self) -> None:
        """Every connection ends at once for both sides, with an RST. New ones are served."""
        for connection in self._connections:
            connection.cut()

    def cut_after(self, count: int, way: Way) -> None:
        """`count` bytes more go this way, counted over all connections; whichever carries the last of
        them is cut with it, and so is each that has more to carry until `heal`."""
        self._lanes[way].bytes_left = count

    def lose(self) -> None:
        """Those there are carry nothing any more, and nobody is told: a firewall has forgotten them. New
        ones are served. Nothing heals a lost one."""
        for connection in self._connections:
            connection.is_lost = True

    def half_close(self, way: Way) -> None:
        """The receivers of this way are told that no more will come; the other way goes on."""
        for connection in self._connections:
            connection.end(way)

    async def refuse(self) -> None:
        """Refuse new connections; the open ones stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
            if self._path is not None:
                with suppress(FileNotFoundError):
                    os.unlink(self._path)

    async def heal(self) -> None:
        for lane in self._lanes.values():
            lane.heal()
        if self._server is None:
            await self._listen()

    # --- forwarding -----------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._path is not None:
            self._server = await asyncio.start_unix_server(
                self._accept, self._path, backlog=_BACKLOG
            )
        else:
            self._server = await asyncio.start_server(
                self._accept, sock=_bound(self.port), backlog=_BACKLOG
            )

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        job = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _converse(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                far_reader, far = await self._connect()
        except OSError:
            _reset(near)
            return
        job = asyncio.current_task()
        assert job is not None
        connection = _Connection(near, far, job)
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forward(Way.UP, reader, connection))
                ways.create_task(self._forward(Way.DOWN, far_reader, connection))
            near.close()
            far.close()
        except* OSError:
            connection.reset()  # one side is gone without a word: so is the other
        finally:
            self._connections.discard(connection)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _forward(
        self, way: Way, source: asyncio.StreamReader, connection: _Connection
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_UNDER_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(way, source, under_way))
            both.create_task(self._deliver(way, under_way, connection))

    async def _take(
        self,
        way: Way,
        source: asyncio.StreamReader,
        under_way: asyncio.Queue[tuple[float, bytes]],
    ) -> None:
        lane, due = self._lanes[way], 0.0
        data = b"-"
        while data:
            data = await source.read(_CHUNK_BYTES)
            takes = lane.latency_s + lane.jitter_s * self._random.random()
            due = max(due, asyncio.get_running_loop().time() + takes)
            await under_way.put((due, data))

    async def _deliver(
        self, way: Way, under_way: asyncio.Queue[tuple[float, bytes]], connection: _Connection
    ) -> None:
        lane = self._lanes[way]
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await lane.is_free.wait()
            if connection.is_lost:
                continue
            if not data:
                connection.end(way)
                return
            await connection.give(way, lane.let_through(data))
            if lane.bytes_left == 0:
                connection.cut()


def _bound(port: int) -> socket.socket:
    """Return a socket that is bound on loopback and does not listen. SO_REUSEADDR lets a listener share the
    port: without a listener, connections are refused and no other program gets the port."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.family != socket.AF_UNIX and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
