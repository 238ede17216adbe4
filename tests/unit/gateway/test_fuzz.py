"""Whatever bytes come, in whatever pieces: no exception, nothing done for one who was refused, nothing said
behind a close, and the short way does what the library does."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from server.clock import now_ms
from server.frames import client_frames
from server.gateway.sockets.connection import Connection
from server.gateway.sockets.frames import parse_common_text, text_frame
from server.gateway.sockets.handshake import SUBPROTOCOL, parse_common_handshake
from server.gateway.sockets.session import End, Join, Session
from tests.support.clients.raw_socket import CONT, PING, PONG, close, frame, handshake, says
from tests.support.sockets import KEYS, RecordingHandler, RecordingTransport, a_token

GOOD_HELLO = says(type="hello", token=a_token(seconds=86_400))
BAD_HELLO = says(type="hello", token="x.y.z")
_claims = st.builds(
    lambda drop, request: says(type="claim", drop_id=drop, request_id=request),
    st.sampled_from(["drp_1", "drp_2", "", "é", "d" * 65]),
    st.text("ab.:-_", max_size=5),
)
_texts = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(str.encode),
    st.sampled_from(
        [b'{"type":"pong"}', b'{"type":"wave"}', b'{"type":"seen","drop_id":"d"}', b"[]"]
    ),
)
RIGHT = st.one_of(
    st.sampled_from(
        [
            GOOD_HELLO,
            says(type="seen", drop_id="drp_1"),
            says(type="wave", x=1),
            frame(b"ping", PING),
            frame(b"", PONG),
            frame('{"type":', fin=False) + frame('"pong"}', CONT),
        ]
    ),
    st.integers(1, 3).map(lambda n: says(type="claim", drop_id="drp_1", request_id=f"r{n}")),
)
ANY = st.one_of(
    RIGHT,
    _claims,
    _texts.map(frame),
    st.builds(
        frame,
        _texts,
        st.integers(0, 15),
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 0, 1, 2, 4]),
        masked=st.sampled_from([True, True, True, False]),
    ),
    st.integers(0, 65_535).map(close),
    st.just(BAD_HELLO),
    st.binary(max_size=30),
)


@dataclass(frozen=True, slots=True)
class Observed:
    """The result of one connection."""

    joined: int
    claims: list[tuple[str, str]]
    seen: list[str]
    frames: list[tuple[int, bytes]]  # opcode and payload
    is_over: bool

    @property
    def codes(self) -> list[bytes]:
        return [payload[:2] for opcode, payload in self.frames if opcode == Opcode.CLOSE]


def pieces_of(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        yield data[start:end]


async def observe(pieces: Sequence[bytes]) -> Observed:
    """A connection is made, and this comes. It is welcomed as soon as it has joined."""
    host, transport = RecordingHandler(), RecordingTransport()
    connection = Connection(host)
    connection.connection_made(transport)
    for piece in pieces:
        if not transport.is_closing():
            connection.data_received(piece)
        if host.joined and connection.pending_frames is not None:
            connection.send_welcome(b'{"type":"welcome"', b"}")
        if connection.session is not None:  # a broadcast goes on, whoever is there
            connection.write(text_frame(b'{"type":"ping"}'))
    observed = Observed(
        len(host.joined),
        host.claims,
        host.seen_drops,
        frames_sent(b"".join(transport.writes)),
        bool(transport.ended),
    )
    connection.eof_received()
    connection.connection_lost(None)
    assert (host.connection_limiter.waiting, host.connection_limiter.sockets) == (0, 0)
    return observed


def frames_sent(data: bytes) -> list[tuple[int, bytes]]:
    """The server's frames, which are always in order: bytes that are none fail here."""
    head, _, frames = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        return []
    reader = ClientProtocol(parse_uri("ws://x/"), state=State.OPEN)
    reader.receive_data(frames)
    assert reader.parser_exc is None
    return [(e.opcode, bytes(e.data)) for e in reader.events_received() if isinstance(e, Frame)]


def run(pieces: Sequence[bytes]) -> Observed:
    return asyncio.run(observe(pieces))


def assert_in_order(observed: Observed) -> None:
    """Check: at most one close and nothing behind it; nothing done for a client that has not joined."""
    opcodes = [opcode for opcode, _ in observed.frames]
    assert Opcode.CLOSE not in opcodes[:-1]
    assert observed.joined <= 1
    assert observed.joined or not (observed.claims or observed.seen)


_cuts = st.lists(st.integers(0, 5_000), max_size=8)


@settings(deadline=None)
@given(st.lists(ANY, max_size=12), _cuts, st.booleans())
def test_whatever_comes_there_is_an_orderly_end(
    frames: list[bytes], cuts: list[int], says_hello: bool
) -> None:
    sent = b"".join([GOOD_HELLO, *frames] if says_hello else frames)
    assert_in_order(run([handshake(), *pieces_of(sent, cuts)]))


@settings(deadline=None)
@given(st.binary(max_size=300), _cuts)
def test_whatever_comes_instead_of_a_handshake_is_refused(data: bytes, cuts: list[int]) -> None:
    observed = run(list(pieces_of(data + b"\r\n\r\n", cuts)))
    assert (observed.joined, observed.is_over) == (0, True)


@settings(deadline=None)
@given(st.lists(RIGHT, max_size=8), _cuts)
def test_pieces_make_no_difference(frames: list[bytes], cuts: list[int]) -> None:
    """Frame by frame is the short way, in other pieces the library's."""
    short = run([handshake(), GOOD_HELLO, *frames])
    long = run([*pieces_of(handshake() + GOOD_HELLO + b"".join(frames), [*cuts, 7])])
    assert (short.joined, short.claims, short.seen) == (long.joined, long.claims, long.seen)
    assert short.codes == long.codes


@settings(deadline=None)
@given(st.lists(RIGHT, max_size=5), ANY, _cuts)
def test_what_came_before_a_fault_is_done_however_it_was_cut(
    frames: list[bytes], last: bytes, cuts: list[int]
) -> None:
    short = run([handshake(), GOOD_HELLO, *frames, last])
    long = run([*pieces_of(handshake() + GOOD_HELLO + b"".join(frames) + last, cuts)])
    assert (short.joined, short.claims, short.seen) == (long.joined, long.claims, long.seen)


@settings(deadline=None)
@given(
    st.sampled_from([BAD_HELLO, frame("x"), frame(b"\xff"), frame(b"", 2)]), st.lists(RIGHT), _cuts
)
def test_who_was_refused_does_not_go_on(bad: bytes, frames: list[bytes], cuts: list[int]) -> None:
    observed = run([handshake(), *pieces_of(bad + GOOD_HELLO + b"".join(frames), cuts)])
    assert (observed.joined, observed.claims, observed.seen) == (0, [], [])
    assert len(observed.codes) == 1


@given(st.lists(_texts, max_size=20))
def test_a_session_bears_any_text(texts: list[bytes]) -> None:
    now = now_ms()
    session = Session("r1", KEYS, now)
    effects = [session.receive(text, now) for text in texts]
    assert not any(isinstance(effect, Join) for effect in effects)
    if effects:  # nothing that is no hello is ever right first
        assert isinstance(effects[0], End)
        assert session.identity is None


@given(st.one_of(_texts, st.recursive(st.none() | st.text() | st.floats(), st.lists).map(repr)))
def test_any_text_is_a_frame_or_none(text: bytes | str) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    assert client_frames.parse(data) is None or data.lstrip()[:1] == b"{"


@given(st.binary(max_size=400))
def test_the_short_readers_bear_any_bytes(data: bytes) -> None:
    assert parse_common_handshake(data) is None
    parse_common_text(data, client_frames.MAX_FRAME_BYTES)


def by_library(data: bytes) -> int:
    """The status by `websockets` alone."""
    protocol = ServerProtocol(subprotocols=[Subprotocol(SUBPROTOCOL)])
    protocol.receive_data(data)
    requests = [e for e in protocol.events_received() if isinstance(e, Request)]
    return protocol.accept(requests[0]).status_code if requests else 400


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 255)), min_size=1, max_size=3),
    _cuts,
)
def test_a_handshake_with_wrong_bytes_is_let_in_only_where_the_library_would(
    changes: list[tuple[int, int]], cuts: list[int]
) -> None:
    data = bytearray(handshake())
    for place, byte in changes:
        data[place % len(data)] = byte
    host, transport = RecordingHandler(), RecordingTransport()

    async def connect() -> None:
        connection = Connection(host)
        connection.connection_made(transport)
        for piece in pieces_of(bytes(data), cuts):
            connection.data_received(piece)

    asyncio.run(connect())
    is_in = b"".join(transport.writes).startswith(b"HTTP/1.1 101")
    assert not is_in or by_library(bytes(data)) == 101


def test_the_reader_of_these_tests_sees_a_frame_behind_a_close() -> None:
    """The control: what must not be is seen where it is."""
    head = b"HTTP/1.1 101 x\r\n\r\n"
    sent = frames_sent(head + text_frame(b"{}") + b"\x88\x00")
    assert [opcode for opcode, _ in sent] == [Opcode.TEXT, Opcode.CLOSE]
    with pytest.raises(AssertionError):
        assert_in_order(
            Observed(1, [], [], [(Opcode.CLOSE, b""), (Opcode.TEXT, b"{}")], is_over=True)
        )
