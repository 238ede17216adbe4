"""The protocol's state machine for one socket: a message and the time go in, an effect comes out.

Called by `connection.py`, which carries the effects out; knows no transport and no clock. The token is
checked for every message, not only at the hello (promise I9).
"""

from dataclasses import dataclass
from enum import IntEnum

from server.core.identity import Identity
from server.core.rates import Bucket, Rate
from server.frames import client_frames
from server.gateway.sockets import close_reasons
from server.gateway.sockets.close_reasons import SocketClose
from server.tokens import TokenExpiredError, TokenInvalidError, TokenKeys

MESSAGES = Rate(burst=60, interval_ms=50)  # of one socket, of any kind: then 20 a second
MESSAGES_BEFORE_HELLO = Rate(burst=8, interval_ms=50)  # the same before a good token
HELLO_MS = 5_000
SILENCE_MS = 45_000  # a client answers a ping each 25 s; an answer may be 20 s late


class Phase(IntEnum):
    AWAITING_HELLO = 0
    JOINING = 1  # the hello was good, and the room's state is being read
    LIVE = 2


@dataclass(frozen=True, slots=True)
class Join:
    identity: Identity


@dataclass(frozen=True, slots=True)
class End:
    why: SocketClose


Effect = (
    Join
    | client_frames.ClaimFrame
    | client_frames.SeenFrame
    | client_frames.AnswerFrame
    | End
    | None
)

_FLOOD = End(close_reasons.FLOOD)
_EXPIRED = End(close_reasons.TOKEN_EXPIRED)
_GARBAGE = End(close_reasons.PROTOCOL_ERROR)


class Session:
    """One socket in one room. `identity` is set by a good hello; times are in ms."""

    __slots__ = (
        "_is_refused",
        "_keys",
        "_messages",
        "_rate",
        "identity",
        "last_message_at",
        "opened_at",
        "phase",
        "room",
    )

    def __init__(self, room: str, keys: TokenKeys, now: int) -> None:
        self.room = room
        self.phase = Phase.AWAITING_HELLO
        self.identity: Identity | None = None
        self.opened_at = now
        self.last_message_at = now
        self._keys = keys
        self._messages = Bucket()
        self._rate = MESSAGES_BEFORE_HELLO
        self._is_refused = False

    def receive(self, text: bytes | bytearray, now: int) -> Effect:
        """Take one text message. Return what is to be done, or None for nothing."""
        if self.is_flooded(now):
            return _FLOOD
        frame = client_frames.parse(text)
        if frame is None:
            return _GARBAGE if _is_utf8(text) else End(close_reasons.NOT_UTF8)
        if self.identity is None:
            return self._receive_hello(frame, now)
        if now >= self.identity.expires_at:
            return _EXPIRED
        if isinstance(
            frame, (client_frames.ClaimFrame, client_frames.SeenFrame, client_frames.AnswerFrame)
        ):
            return frame
        return (
            _GARBAGE if isinstance(frame, client_frames.Hello) else None
        )  # a second hello is an error; a pong asks for nothing

    def is_flooded(self, now: int) -> bool:
        """Count one message of any kind, WebSocket pings included. Return whether that was too many."""
        self.last_message_at = now
        return self._messages.take(self._rate, now) > 0

    def shift_clock(self, by_ms: int, now: int) -> None:
        """Shift our times when the wall clock was set to `now`, so that the silence is as long as before."""
        self.opened_at = min(self.opened_at + by_ms, now)
        self.last_message_at = min(self.last_message_at + by_ms, now)

    def tick(self, now: int) -> End | None:
        """Return why the socket is to be ended now, or None. Called once a second before the hello, later
        each 25 s."""
        if self.identity is None:
            return End(close_reasons.NO_HELLO) if now - self.opened_at >= HELLO_MS else None
        if now >= self.identity.expires_at:
            return _EXPIRED
        return End(close_reasons.SILENT) if now - self.last_message_at >= SILENCE_MS else None

    def _receive_hello(self, frame: client_frames.ClientFrame, now: int) -> Effect:
        """Take the one try that a socket has. The refusal of a bad token may be delayed, and a client must
        not go on with another token meanwhile."""
        if self._is_refused:
            return None
        effect = self._verify_hello(frame, now)
        self._is_refused = isinstance(effect, End)
        return effect

    def _verify_hello(self, frame: client_frames.ClientFrame, now: int) -> Effect:
        if not isinstance(frame, client_frames.Hello):
            return _GARBAGE
        try:
            identity = self._keys.verify(frame.token, now)
        except TokenExpiredError:
            return _EXPIRED
        except TokenInvalidError as error:
            return End(close_reasons.token_invalid(str(error)))
        if not identity.may_enter(self.room):
            return End(close_reasons.WRONG_ROOM)
        self.identity = identity
        self._rate, self._messages = MESSAGES, Bucket()  # a stranger's bucket holds less
        self.phase = Phase.JOINING
        return Join(identity)


def _is_utf8(text: bytes | bytearray) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
