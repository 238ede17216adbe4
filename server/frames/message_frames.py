"""Writes a message as its student gets it: the frame of the socket, and the data of the event for the school.

Called by the flow that sends messages. wire.py and coupon_frames.py have the other frames.
"""

from server.core.instants import to_text
from server.core.messages import Message


def message_frame(message: Message, text: str) -> dict[str, object]:
    """Return a `message` frame. A message may come twice; clients know it by its id."""
    return {"type": "message", "id": message.id, **_words(message, text)}


def requested_data(message: Message, text: str) -> dict[str, object]:
    """Return the data of the event `message.requested`. A message with data has its parts in them, for a
    sender that fills in a form of its own.
    """
    return {
        "message_id": message.id,
        **_words(message, text),
        "data": dict(message.data),
        "cause": message.cause,
        "expires_at": to_text(message.expires_at),
    }


def _words(message: Message, text: str) -> dict[str, object]:
    fields: dict[str, object] = {"text": text, "kind": message.kind.value}
    if message.coupon_id is not None:
        fields["coupon_id"] = message.coupon_id
    if message.url is not None:
        fields["url"] = message.url
    return fields
