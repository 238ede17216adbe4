"""A room shows each message once, also where the server sends it again."""

from client_sdk.python.frames import MessageFrame
from client_sdk.python.room import Room


def frame(number: int) -> MessageFrame:
    return {"type": "message", "id": f"msg_{number}", "text": "hello", "kind": "coupon_issued"}


def test_a_repeated_message_is_shown_once() -> None:
    room = Room("algebra")

    assert len(room.take_message(frame(1))) == 1
    assert room.take_message(frame(1)) == []


def test_only_the_last_hundred_are_remembered() -> None:
    room = Room("algebra")
    for number in range(101):
        room.take_message(frame(number))

    assert room.take_message(frame(1)) == []
    assert len(room.take_message(frame(0))) == 1  # the oldest was forgotten
