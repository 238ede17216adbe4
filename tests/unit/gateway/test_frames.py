"""Text frames as bytes: the quick reader of the usual one gives what the library gives, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from server.gateway.sockets.frames import parse_common_text, text_frame

MOST = 300


def masked(payload: bytes, opcode: Opcode = Opcode.TEXT, **bits: bool) -> bytes:
    return Frame(opcode, payload, **bits).serialize(mask=True)


def by_library(data: bytes) -> list[Frame]:
    protocol = Protocol(Side.SERVER, state=State.OPEN, max_size=MOST)
    protocol.receive_data(data)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


@given(st.binary(max_size=MOST))
def test_a_whole_masked_text_frame_is_read(payload: bytes) -> None:
    assert parse_common_text(masked(payload), MOST) == payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 255, 256, MOST])
def test_a_length_is_read_in_each_form_and_up_to_the_bound(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    assert parse_common_text(masked(payload), MOST) == payload


@given(st.binary(max_size=600))
def test_an_unmasked_frame_of_ours_reads_back(payload: bytes) -> None:
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(text_frame(payload))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.data) == (Opcode.TEXT, payload)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_frame_of_ours_is_the_library_s_to_the_byte(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_anything_else_is_left_to_the_library() -> None:
    whole = masked(b"hello")
    others = (
        b"",
        whole[:-1],
        whole + b"x",
        whole * 2,
        masked(b"hello", fin=False),
        masked(b"hello", Opcode.BINARY),
        masked(b"", Opcode.PING),
        masked(b"x" * (MOST + 1)),
        masked(b"x" * 70_000),
        text_frame(b"hello"),
        bytes([whole[0] | 0x40]) + whole[1:],
        # Longer than it need be: 5 bytes with a length of two.
        bytes([0x81, 0x80 | 126, 0, 5]) + whole[2:],
    )
    assert [parse_common_text(data, MOST) for data in others] == [None] * len(others)


@given(st.binary(max_size=12), st.binary(max_size=200))
def test_what_it_reads_the_library_reads_alike(start: bytes, rest: bytes) -> None:
    """Starts are short so that lengths often fit."""
    for data in (start + rest, b"\x81" + start + rest, b"\x81\x85" + (start + rest)[:9]):
        text = parse_common_text(data, MOST)
        if text is not None:
            (frame,) = by_library(data)
            assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text)
