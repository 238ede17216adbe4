"""The network that tests disturb: what it lets through, holds back, cuts and refuses, and when."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.servers.tcp_proxy import Address, TcpProxy, Way

pytestmark = pytest.mark.asyncio

GIVE_UP_S = 10.0
A_MOMENT_S = 0.1  # in which loopback would long have delivered


class Echo:
    """Says everything back; `heard` is all it ever got, `partings` how its clients left."""

    def __init__(self) -> None:
        self.heard = b""
        self.partings: list[str] = []
        self.jobs: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(data)
                await writer.drain()
            self.partings.append("end")
        except ConnectionError:
            self.partings.append("reset")
        writer.close()


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[tuple[Echo, Address]]:
    served = Echo()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    yield served, server.sockets[0].getsockname()
    server.close()


@pytest_asyncio.fixture
async def proxy(echo: tuple[Echo, Address]) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(echo[1], seed=1) as made:
        yield made


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.hears(len(data))

    async def hears(self, count: int) -> bytes:
        async with asyncio.timeout(GIVE_UP_S):
            return await self.reader.readexactly(count)

    async def hears_nothing(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(A_MOMENT_S):
                await self.reader.read(1)

    async def hears_the_end(self) -> None:
        async with asyncio.timeout(GIVE_UP_S):
            assert await self.reader.read() == b""


@asynccontextmanager
async def calling(proxy: TcpProxy) -> AsyncIterator[Caller]:
    address = proxy.address
    opened = (
        asyncio.open_unix_connection(address)
        if isinstance(address, str)
        else asyncio.open_connection(*address)
    )
    reader, writer = await opened
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


async def test_bytes_go_both_ways_unchanged(proxy: TcpProxy) -> None:
    said = bytes(range(256)) * 4_000
    async with calling(proxy) as caller:
        assert await caller.ask(said) == said
    assert proxy.passed(Way.UP) == proxy.passed(Way.DOWN) == len(said)


async def test_unix_sockets_on_both_sides(tmp_path: Path) -> None:
    echo, target, near = Echo(), str(tmp_path / "echo"), str(tmp_path / "near")
    server = await asyncio.start_unix_server(echo.serve, target)
    async with server, TcpProxy(target, path=near) as proxy, calling(proxy) as caller:
        assert await caller.ask(b"hello") == b"hello"
        await proxy.refuse()
        with pytest.raises(OSError, match=r"refused|No such"):
            await asyncio.open_unix_connection(near)
        await proxy.heal()
        assert await caller.ask(b"still here") == b"still here"
        proxy.cut()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await caller.hears(1)


async def test_who_ends_is_heard_to_end_and_still_answered(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        caller.writer.write(b"bye")
        caller.writer.write_eof()
        assert await caller.hears(3) == b"bye"
        await caller.hears_the_end()
    assert echo[0].partings == ["end"]
    await eventually(lambda: proxy.connections == 0)


async def test_a_target_that_is_away_looks_like_a_reset() -> None:
    async with TcpProxy(("127.0.0.1", 1)) as proxy, calling(proxy) as caller:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await caller.hears(1)


async def test_latency_is_added_each_way_and_keeps_the_order(proxy: TcpProxy) -> None:
    proxy.delay(0.1, jitter_s=0.05)
    async with calling(proxy) as caller:
        started = time.monotonic()
        for number in range(10):
            caller.writer.write(bytes([number]))
            await asyncio.wait_for(caller.writer.drain(), GIVE_UP_S)
        assert await caller.hears(10) == bytes(range(10))
        assert time.monotonic() - started >= 0.2
        proxy.delay(2 * GIVE_UP_S)
        await proxy.heal()
        assert await caller.ask(b"at once") == b"at once"


async def test_only_the_named_way_is_slow(proxy: TcpProxy, echo: tuple[Echo, Address]) -> None:
    proxy.delay(GIVE_UP_S, ways=[Way.DOWN])
    async with calling(proxy) as caller:
        caller.writer.write(b"hello")
        await eventually(lambda: echo[0].heard == b"hello")
        await caller.hears_nothing()


async def test_cut_resets_both_sides(proxy: TcpProxy, echo: tuple[Echo, Address]) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await caller.hears(1)
        await eventually(lambda: echo[0].partings == ["reset"])
        async with calling(proxy) as again:
            assert await again.ask(b"hello") == b"hello"


async def test_cut_forgets_what_a_black_hole_held_back(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.hold()
        caller.writer.write(b"never to be heard")
        await caller.hears_nothing()
        proxy.cut()
        await eventually(lambda: proxy.connections == 0)
        await proxy.heal()
        await eventually(lambda: echo[0].partings == ["reset"])
    assert echo[0].heard == b"hello"


async def test_a_black_hole_keeps_everything_until_it_is_healed(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"before")
        proxy.hold()
        caller.writer.write(b"during")
        async with calling(proxy) as newcomer:
            newcomer.writer.write(b"during too")
            await newcomer.hears_nothing()
            assert echo[0].heard == b"before"
            await proxy.heal()
            assert await newcomer.hears(10) == b"during too"
        assert await caller.hears(6) == b"during"


async def test_a_black_hole_one_way_swallows_answers_only(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    proxy.hold(Way.DOWN)
    async with calling(proxy) as caller:
        caller.writer.write(b"done?")
        await eventually(lambda: echo[0].heard == b"done?")
        await caller.hears_nothing()


async def test_nobody_hears_of_a_departure_through_a_black_hole(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.hold()
        caller.writer.write_eof()
        await caller.hears_nothing()
        assert echo[0].partings == []
        await proxy.heal()
        await eventually(lambda: echo[0].partings == ["end"])


async def test_half_close_ends_one_way_only(proxy: TcpProxy) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.half_close(Way.DOWN)
        await caller.hears_the_end()
        before = proxy.passed(Way.UP)
        caller.writer.write(b"anybody?")
        await eventually(lambda: proxy.passed(Way.UP) == before + 8)


async def test_half_close_towards_the_target_looks_like_a_goodbye(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.half_close(Way.UP)
        await caller.hears_the_end()
    assert echo[0].partings == ["end"]


async def test_cut_after_some_bytes_delivers_just_these(
    proxy: TcpProxy, echo: tuple[Echo, Address]
) -> None:
    async with calling(proxy) as caller:
        await caller.ask(b"hello")
        proxy.cut_after(3, Way.UP)
        caller.writer.write(b"world")
        await eventually(lambda: echo[0].heard == b"hellowor")
        await eventually(lambda: echo[0].partings == ["reset"])
        await proxy.heal()
    async with calling(proxy) as again:
        assert await again.ask(b"whole") == b"whole"


async def test_refuses_the_new_and_keeps_the_old_on_the_same_port(proxy: TcpProxy) -> None:
    async with calling(proxy) as caller:
        port = proxy.port
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert await caller.ask(b"hello") == b"hello"
        await proxy.heal()
        async with calling(proxy) as again:
            assert await again.ask(b"hello") == b"hello"
        assert proxy.port == port


async def test_nothing_is_left_behind(echo: tuple[Echo, Address]) -> None:
    async with TcpProxy(echo[1]) as proxy:
        async with calling(proxy) as caller:
            await caller.ask(b"hello")
            proxy.hold()
            await proxy.__aexit__(None, None, None)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await caller.hears(1)
        assert proxy.connections == 0
