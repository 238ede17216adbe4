"""The codec reads and writes the same frames as the websockets library."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.frames import Opcode as LibraryOpcode
from websockets.protocol import SERVER, Protocol, State

from loadtest.clients.websocket_codec import (
    Address,
    CodecError,
    Handshake,
    Opcode,
    close_code,
    masked,
    split,
)

ADDRESS = Address.of("http://school.example:8000/prefix/")
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def from_server(text: str) -> bytes:
    return Frame(LibraryOpcode.TEXT, text.encode()).serialize(mask=False)


@given(st.text(max_size=200) | st.integers(100, 70_000).map("x".__mul__))
def test_masked_frame_is_what_a_server_reads(text: str) -> None:
    server = Protocol(SERVER, state=State.OPEN)
    server.receive_data(masked(text.encode()))

    (frame,) = server.events_received()
    assert isinstance(frame, Frame)
    assert frame.opcode is LibraryOpcode.TEXT
    assert bytes(frame.data) == text.encode()


@given(st.lists(st.integers(0, 400).map("y".__mul__), max_size=4), st.data())
def test_frames_come_out_however_the_bytes_arrive(texts: list[str], data: st.DataObject) -> None:
    sent = b"".join(map(from_server, texts))
    cut = data.draw(st.integers(0, len(sent)))

    first, rest = split(sent[:cut])
    second, left = split(rest + sent[cut:])

    assert left == b""
    assert first + second == [(Opcode.TEXT, text.encode()) for text in texts]


def test_long_frame_is_read_whole() -> None:
    text = "z" * 70_000

    assert split(from_server(text)) == ([(Opcode.TEXT, text.encode())], b"")


def test_frame_of_endless_size_is_refused() -> None:
    with pytest.raises(CodecError):
        split(b"\x81\x7f" + (1 << 40).to_bytes(8, "big"))


@pytest.mark.parametrize("head", [b"\x01\x01a", b"\x81\x81mask."])
def test_fragment_and_masked_frame_are_refused(head: bytes) -> None:
    with pytest.raises(CodecError):
        split(head)


def test_close_code_is_read_or_said_to_be_missing() -> None:
    assert close_code((4001).to_bytes(2, "big") + b"why") == 4001
    assert close_code(b"") == 1005


def test_handshake_asks_for_the_room_by_its_name() -> None:
    request = Handshake(ADDRESS, "algebra:1", "classdrop.v1").request.decode()

    assert request.startswith("GET /prefix/v1/rooms/algebra%3A1 HTTP/1.1\r\n")
    assert "Host: school.example:8000\r\n" in request
    assert "Sec-WebSocket-Protocol: classdrop.v1\r\n" in request


def test_handshake_is_accepted_once_it_is_whole() -> None:
    handshake = Handshake(ADDRESS, "algebra", "classdrop.v1")
    answer = accepting(handshake)

    assert handshake.accepted(answer[:-1]) is None
    assert handshake.accepted(answer + b"more") == len(answer)


@pytest.mark.parametrize("status", ["503 Service Unavailable", "200 OK"])
def test_server_that_says_no_is_believed(status: str) -> None:
    handshake = Handshake(ADDRESS, "algebra", "classdrop.v1")

    with pytest.raises(CodecError, match=status):
        handshake.accepted(accepting(handshake).replace(b"101 Switching", status.encode()))


def test_peer_that_did_not_read_the_key_is_refused() -> None:
    ours, other = (Handshake(ADDRESS, "algebra", "classdrop.v1") for _ in range(2))

    with pytest.raises(CodecError):
        ours.accepted(accepting(other))


@pytest.mark.parametrize("url", ["school.example", "ftp://school.example", "http://"])
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an http address"):
        Address.of(url)


def test_address_has_the_port_of_its_scheme() -> None:
    assert Address.of("https://school.example").port == 443
    assert Address.of("http://school.example").port == 80


def accepting(handshake: Handshake) -> bytes:
    lines = handshake.request.decode().splitlines()
    key = next(line.split(": ")[1] for line in lines if line.startswith("Sec-WebSocket-Key"))
    digest = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    return f"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: {digest}\r\n\r\n".encode()
