"""The first bytes of a connection decide who speaks."""

import asyncio
from collections.abc import Callable

import pytest

from server.gateway.sockets.connection_limiter import ConnectionLimiter
from server.gateway.sockets.protocol_switch import MAX_HEAD_BYTES, ProtocolSwitch, is_handshake

HANDSHAKE = (
    b"GET /v1/rooms/math HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
)


class RecordingProtocol(asyncio.Protocol):
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.transport: object = None
        self.data: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data.append(data)


class FakeTransport(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: object = None
        self.is_aborted = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def abort(self) -> None:
        self.is_aborted = True


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (HANDSHAKE, True),
        (HANDSHAKE.replace(b"WebSocket", b"websocket"), True),
        (HANDSHAKE[:-2], False),
        (HANDSHAKE.replace(b"Host: x", b"Host: " + b"x" * MAX_HEAD_BYTES), False),
        (HANDSHAKE.replace(b"Upgrade: WebSocket\r\n", b""), False),
        (HANDSHAKE.replace(b"GET", b"POST"), False),
        (HANDSHAKE.replace(b"/v1/rooms/", b"/rooms/"), False),
        (b"", False),
    ],
)
def test_a_whole_handshake_for_a_room_is_known(data: bytes, expected: bool) -> None:
    assert is_handshake(data) is expected


@pytest.mark.asyncio
@pytest.mark.parametrize(("data", "is_socket"), [(HANDSHAKE, True), (b"GET / HTTP/1.1\r\n", False)])
async def test_the_right_protocol_takes_over_with_the_same_bytes(
    data: bytes, is_socket: bool
) -> None:
    socket, http, transport = RecordingProtocol(), RecordingProtocol(), FakeTransport()
    switch = ProtocolSwitch(lambda: socket, lambda: http, ConnectionLimiter())
    switch.connection_made(transport)
    switch.data_received(data)
    taken = socket if is_socket else http
    assert (transport.protocol, taken.transport, taken.data) == (taken, transport, [data])


@pytest.mark.asyncio
async def test_who_leaves_before_a_word_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timers: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def remembered(delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        timers.append(real(delay, callback))
        return timers[-1]

    monkeypatch.setattr(loop, "call_later", remembered)
    limiter = ConnectionLimiter()
    switch = ProtocolSwitch(RecordingProtocol, RecordingProtocol, limiter)
    switch.connection_made(FakeTransport())
    assert limiter.waiting == 1
    switch.connection_lost(None)
    assert timers[0].cancelled()
    assert limiter.waiting == 0


@pytest.mark.asyncio
async def test_who_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, cut = FakeTransport(), asyncio.Event()
    monkeypatch.setattr(transport, "abort", cut.set)
    ProtocolSwitch(RecordingProtocol, RecordingProtocol, ConnectionLimiter(), 0).connection_made(
        transport
    )
    async with asyncio.timeout(2):
        await cut.wait()
