"""The reasons for which we close a socket: code, word, and whether the client should come back.

Codes 4000-4499: come back after a random part of the wait. 4500-4999: do not come back. The SDKs have the
same table (`client_sdk/vectors.json`, `close_codes`).
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SocketClose:
    """`code` goes into the close frame, `word` and `message` into the `error` frame before it.
    `is_violation`: the client broke the protocol, and nothing more is read from it."""

    code: int
    word: str
    message: str
    retry_after_ms: int | None = None
    is_violation: bool = False


TOKEN_EXPIRED = SocketClose(
    4001, "token_expired", "the token has expired: come back with a new one"
)
# The same code: whoever fetches tokens comes back with a good one. A revoked token in a hello ends with 4501.
TOKEN_REVOKED = SocketClose(
    4001, "token_revoked", "the token was revoked: come back with another one"
)
TOO_SLOW = SocketClose(4002, "too_slow", "did not read what was sent", 1_000)
SILENT = SocketClose(4003, "silent", "nothing was heard for too long", 1_000)
TOO_MANY = SocketClose(4004, "too_many", "too many sockets of one student", 10_000)
UNAVAILABLE = SocketClose(4005, "unavailable", "one moment: the room cannot be read now", 2_000)
# The cause is more often a slow network or a busy machine than a wrong client, so it may come back.
NO_HELLO = SocketClose(4006, "hello_timeout", "no hello within 5 seconds", 2_000)
FLOOD = SocketClose(4008, "rate_limited", "too many messages", 5_000, is_violation=True)
GOING_AWAY = 1012  # with an error `server_restart` that announces when to come back


def joins_limited(wait_ms: int) -> SocketClose:
    """Return the close for a good hello beyond the limit of joins. Clients treat it like TOO_MANY."""
    return replace(TOO_MANY, message="too many are coming in at once", retry_after_ms=wait_ms)


def token_invalid(reason: str) -> SocketClose:
    """Return the close for a bad token; the reason helps whoever makes the school's tokens."""
    return replace(TOKEN_INVALID, message=f"{TOKEN_INVALID.message}: {reason}")


PROTOCOL_ERROR = SocketClose(
    4500, "invalid_frame", "that is not a frame of classdrop.v1", is_violation=True
)
TOKEN_INVALID = SocketClose(4501, "token_invalid", "the token is not good")
WRONG_ROOM = SocketClose(4502, "wrong_room", "the token is not for this room")
NOT_TEXT = SocketClose(1003, "not_text", "only text frames", is_violation=True)
NOT_UTF8 = SocketClose(1007, "not_utf8", "text frames are UTF-8", is_violation=True)

ALL = (
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    TOO_SLOW,
    SILENT,
    TOO_MANY,
    UNAVAILABLE,
    FLOOD,
    PROTOCOL_ERROR,
    TOKEN_INVALID,
    WRONG_ROOM,
    NO_HELLO,
    NOT_TEXT,
    NOT_UTF8,
)
