"""Clients that send or read slowly, or not at all, over real connections: each phase ends by a deadline,
nothing is leaked, and the others are served. Deadlines are shorter here than in production.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from uvicorn.server import ServerState

from server.gateway.cadence import Cadence
from server.gateway.sockets.http_protocol import (
    MAX_AHEAD,
    MAX_BODY_BYTES,
    PHASE_TIMEOUTS,
    GuardedHttpProtocol,
    Phase,
)
from server.gateway.sockets.protocol_switch import ProtocolSwitch
from tests.integration.gateway.test_gateway import open_drop
from tests.support.clients.raw_socket import close, frame, handshake, says
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, a_token

pytestmark = pytest.mark.asyncio

SHORT_S = 0.15
GIVE_UP_S = 10.0
PAUSE_S = 0.02  # between two bytes of one who send_slowly
GET = b"GET / HTTP/1.1\r\nHost: drops.example\r\n"
POST = b"POST / HTTP/1.1\r\nHost: drops.example\r\n"


async def small_app(scope: Any, receive: Any, send: Any) -> None:
    """Reads 64 KB of a body at most, as the API does; `/big` answers 20 MB."""
    size, is_more = 0, scope["method"] == "POST"
    while is_more and size <= 65_536:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, is_more = size + len(message["body"]), message["more_body"]
    status = 413 if size > 65_536 else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    for _ in range(200 if scope["path"] == "/big" else 0):
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@dataclass(slots=True)
class GuardedServer:
    """The gateway behind its protocol switch, with short timeouts."""

    gateway: RunningGateway
    port: int

    def assert_empty(self) -> None:
        limiter = self.gateway.gateway.connection_limiter
        assert (limiter.waiting, limiter.requests, limiter.sockets) == (0, 0, 0)


@pytest.fixture
def close_timeout_s() -> float:
    return SHORT_S


@pytest.fixture
def first_bytes_s() -> float:
    return SHORT_S


@pytest.fixture
def cadence(close_timeout_s: float) -> Cadence:
    return Cadence(close_timeout_s=close_timeout_s)


@pytest.fixture
def discarding_s() -> float:
    return SHORT_S


@pytest_asyncio.fixture
async def guarded(
    gateway: RunningGateway, first_bytes_s: float, discarding_s: float
) -> AsyncIterator[GuardedServer]:
    limiter, state = gateway.gateway.connection_limiter, ServerState()
    config = uvicorn.Config(
        small_app,
        ws=gateway.gateway.protocol,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        timeout_keep_alive=1,
    )

    def http() -> GuardedHttpProtocol:
        timeouts = dict.fromkeys(PHASE_TIMEOUTS, SHORT_S)
        timeouts |= {Phase.IDLE: 2.0, Phase.DISCARDING_BODY: discarding_s}
        return GuardedHttpProtocol(
            limiter, timeouts, config=config, server_state=state, app_state={}
        )

    server = await asyncio.get_running_loop().create_server(
        lambda: ProtocolSwitch(gateway.gateway.protocol, http, limiter, first_bytes_s),
        "127.0.0.1",
        0,
    )
    yield GuardedServer(gateway, server.sockets[0].getsockname()[1])
    server.close()


@dataclass(slots=True)
class SlowClient:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send_slowly(self, data: bytes, times: int = 1_000) -> bytes:
        """Send byte by byte until the server closes; return what it sent."""
        for n in range(times):
            try:
                self.writer.write(data[n % len(data) :][:1])
                async with asyncio.timeout(PAUSE_S):
                    return await self.reader.read(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                return b""
        raise AssertionError("the server never closed")

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_many(self, data: bytes, times: int) -> None:
        """Send as much as the server takes before it closes."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(GIVE_UP_S):
                for _ in range(times):
                    await self.send(data)

    async def read_to_end(self) -> bytes:
        async with asyncio.timeout(GIVE_UP_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@pytest_asyncio.fixture
async def slow(guarded: GuardedServer) -> AsyncIterator[SlowClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    yield SlowClient(reader, writer)
    writer.transport.abort()


class TestRequests:
    async def test_who_says_nothing_is_cut_off(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        assert await slow.read_to_end() == b""
        await eventually(lambda: guarded.gateway.gateway.connection_limiter.waiting == 0)

    @pytest.mark.parametrize("head", [GET + b"A: ", handshake()[:-2] + b"A: "])
    async def test_a_head_byte_by_byte_is_not_waited_for(
        self, guarded: GuardedServer, slow: SlowClient, head: bytes
    ) -> None:
        """A plain request, and a socket's handshake."""
        await slow.send(head)
        assert b"HTTP/1.1 408 " in await slow.send_slowly(b"b")

    async def test_empty_lines_are_no_request(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        assert b"HTTP/1.1 408 " in await slow.send_slowly(b"\r\n")

    async def test_a_body_byte_by_byte_is_not_waited_for(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        await slow.send(POST + b"Content-Length: 5000\r\n\r\n")
        assert b"HTTP/1.1 408 " in await slow.send_slowly(b"b")
        await eventually(lambda: guarded.gateway.gateway.connection_limiter.requests == 0)

    @pytest.mark.parametrize("first", [b"x", b"1000\r\n" + b"x" * 4_096 + b"\r\n"])
    async def test_a_body_without_end_is_refused_and_cut(
        self, guarded: GuardedServer, slow: SlowClient, first: bytes
    ) -> None:
        """Chunked, so that no length announces it: 413 comes when there is too much, and then what still
        comes is not read for long."""
        is_chunked = first.startswith(b"1000")
        kind = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: 999999999"
        await slow.send(POST + kind + b"\r\n\r\n")
        for _ in range(20 if is_chunked else 1):
            await slow.send(first * (1 if is_chunked else 100_000))
        assert b"HTTP/1.1 413 " in await slow.read_to_end()

    @pytest.mark.parametrize("discarding_s", [GIVE_UP_S])  # 33 MB take a busy machine a while
    async def test_who_sends_all_of_a_large_body_before_reading_gets_the_answer(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        """Urllib and browsers do so: a connection that is reset while they send loses them the answer."""
        size = 3 * MAX_BODY_BYTES
        await slow.send(POST + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(size // 2**16):
            await slow.send(bytes(2**16))
        assert b"HTTP/1.1 413 " in await slow.reader.readuntil(b"\r\n\r\n")

    @pytest.mark.parametrize("piece", [b"1;" + b"e" * 4_096 + b"\r\nx\r\n", b"T: " + b"t" * 4_096])
    async def test_what_stands_around_a_body_is_bounded(
        self, guarded: GuardedServer, slow: SlowClient, piece: bytes
    ) -> None:
        """Extensions of chunks, and headers behind them: many bytes, no content."""
        await slow.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        if piece.startswith(b"T"):
            await slow.send(b"0\r\n")
        await slow.send_many(piece, times=2 * MAX_BODY_BYTES // len(piece))
        await slow.read_to_end()
        await eventually(lambda: guarded.gateway.gateway.connection_limiter.waiting == 0)
        guarded.assert_empty()

    @pytest.mark.parametrize("reads", [0, 1])
    async def test_an_answer_that_is_not_read_is_not_kept(
        self, guarded: GuardedServer, reads: int
    ) -> None:
        """Nor one that is read a byte at a time."""
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", guarded.port))
        with reader:
            reader.sendall(GET.replace(b"/ ", b"/big ") + b"\r\n")
            limiter = guarded.gateway.gateway.connection_limiter
            await eventually(lambda: limiter.waiting == 1)

            def is_fully_returned() -> bool:
                assert len(reader.recv(reads)) == reads
                return limiter.waiting == 0 and limiter.requests == 0

            await eventually(is_fully_returned)

    async def test_requests_far_ahead_are_refused(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        await slow.send((GET + b"\r\n") * (MAX_AHEAD + 3))
        assert b"HTTP/1.1 400 " in await slow.read_to_end()

    async def test_a_few_ahead_are_answered_in_order(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        await slow.send((GET + b"\r\n") * 5)
        assert (await slow.read_to_end()).count(b"HTTP/1.1 200 ") == 5

    async def test_who_keeps_a_connection_is_served_again_and_then_let_go(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        for _ in range(3):
            await slow.send(GET + b"\r\n")
            head = await slow.reader.readuntil(b"\r\n\r\n0\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
        assert await slow.read_to_end() == b""
        await eventually(lambda: guarded.gateway.gateway.connection_limiter.waiting == 0)


class TestSockets:
    async def test_a_hello_that_never_comes_is_not_waited_for(
        self, guarded: GuardedServer, slow: SlowClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.gateway.sockets.session.HELLO_MS", 100)
        await slow.send(handshake() + b"\x81\xfe\x0f\xff")  # a frame of 4 KB
        await slow.reader.readuntil(b"\r\n\r\n")
        said = await slow.send_slowly(b"x")
        assert b'"hello_timeout"' in said
        await eventually(lambda: not guarded.gateway.gateway.connections)

    @pytest.mark.parametrize("is_reading", [True, False])
    @pytest.mark.parametrize("sent", [frame("no json"), frame(b"", 3), close(1000)])
    async def test_a_close_that_is_not_answered_ends_all_the_same(
        self, guarded: GuardedServer, slow: SlowClient, sent: bytes, is_reading: bool
    ) -> None:
        """The client keeps its side open, and perhaps does not read."""
        await slow.send(handshake() + says(type="hello", token=a_token("ada")))
        await slow.reader.readuntil(b'"claims":[]')
        if not is_reading:
            slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await slow.send(sent)
        await eventually(lambda: not guarded.gateway.gateway.connections)
        guarded.assert_empty()

    @pytest.mark.parametrize("close_timeout_s", [60.0])
    async def test_who_says_close_and_stays_keeps_no_card_from_the_others(
        self, guarded: GuardedServer, slow: SlowClient
    ) -> None:
        """A write behind the close raises, which once ended the broadcast to everybody."""
        await slow.send(handshake() + says(type="hello", token=a_token("ada")))
        await slow.reader.readuntil(b'"claims":[]')
        async with guarded.gateway.student("bob") as (bob, _):
            await slow.send(close(1000))
            await slow.read_to_end()  # the server has sent its close
            assert len(guarded.gateway.gateway.connections) == 2
            for drop in ("drp_1", "drp_2"):
                await open_drop(guarded.gateway.desk, drop)
                assert (await bob.next("drop_opened"))["drop"]["id"] == drop
            assert (await bob.claim("drp_2"))["outcome"] == "won"

    async def test_who_leaves_with_much_unread_is_let_go(self, guarded: GuardedServer) -> None:
        """Half-closed, and never reading: the transport would wait for ever."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", guarded.port))
        with client:
            client.sendall(handshake() + says(type="hello", token=a_token("ada")))
            gateway = guarded.gateway.gateway
            await eventually(lambda: [c for c in gateway.connections if c.pending_frames is None])
            (connection,) = gateway.connections
            assert connection.transport is not None
            while connection.transport.get_write_buffer_size() < 20_000:
                connection.write(b"\x81\x7e\x10\x00" + bytes(4_096))
            client.shutdown(socket.SHUT_WR)
            await eventually(lambda: not gateway.connections)
            guarded.assert_empty()

    async def test_the_oldest_of_one_student_s_many_sockets_goes(
        self, guarded: GuardedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("server.gateway.rooms.room.MAX_SOCKETS_PER_STUDENT", 2)
        async with (
            guarded.gateway.student("ada") as (first, _),
            guarded.gateway.student("ada") as (second, _),
            guarded.gateway.student("ada") as (third, _),
        ):
            code, frames = await first.closed()
            assert (code, frames[-1]["code"]) == (4004, "too_many")
            await open_drop(guarded.gateway.desk)
            assert (await second.next("drop_opened"))["drop"] == (
                (await third.next("drop_opened"))["drop"]
            )


class TestFullProcess:
    @pytest.mark.parametrize("first_bytes_s", [60.0])
    async def test_a_student_comes_in_where_strangers_fill_the_process(
        self, guarded: GuardedServer
    ) -> None:
        """Half of the strangers have sent nothing, the other half no hello."""
        limiter = guarded.gateway.gateway.connection_limiter
        limiter._max_sockets, limiter._spare = 12, 0
        strangers = [await asyncio.open_connection("127.0.0.1", guarded.port) for _ in range(12)]
        for n, (_, writer) in enumerate(strangers):
            writer.write(handshake() if n % 2 else b"")
        await eventually(lambda: limiter.waiting == 12)
        async with guarded.gateway.student("ada") as (ada, _):
            await open_drop(guarded.gateway.desk)
            assert (await ada.claim())["outcome"] == "won"
        for _, writer in strangers:
            writer.transport.abort()
