"""What one client may do when: the state machine of a socket, without the socket.

Text in, an effect out; the clock is an argument. `connection.py` carries the effects out. The token
is checked for every message, not only at the door (promise I9).
"""

from dataclasses import dataclass
from enum import IntEnum

from server import wire
from server.core.identity import Identity
from server.core.rates import Bucket, Rate
from server.gateway import close_reasons
from server.gateway.close_reasons import SocketClose
from server.tokens import TokenExpiredError, TokenInvalidError, TokenKeys

MESSAGES = Rate(burst=60, interval_ms=50)  # of one socket, of any kind
GREETINGS = Rate(burst=8, interval_ms=50)  # the same of one who has not shown a token yet
HELLO_MS = 5_000
SILENCE_MS = 45_000  # a client answers a ping every 25 s


class Phase(IntEnum):
    GREETING = 0  # nothing said yet
    JOINING = 1  # hello was good, the state is being read
    LIVE = 2


@dataclass(frozen=True, slots=True)
class Join:
    identity: Identity


@dataclass(frozen=True, slots=True)
class End:
    closing: SocketClose


Effect = Join | wire.ClaimFrame | wire.SeenFrame | End | None

_FLOOD = End(close_reasons.FLOOD)
_EXPIRED = End(close_reasons.TOKEN_EXPIRED)
_GARBAGE = End(close_reasons.PROTOCOL_ERROR)


class Session:
    """One socket in one room. `identity` is set by a good hello."""

    __slots__ = (
        "_is_refused",
        "_keys",
        "_messages",
        "_rate",
        "began_at",
        "heard_at",
        "identity",
        "phase",
        "room",
    )

    def __init__(self, room: str, keys: TokenKeys, now: int) -> None:
        self.room = room
        self.phase = Phase.GREETING
        self.identity: Identity | None = None
        self.began_at = now
        self.heard_at = now
        self._keys = keys
        self._messages = Bucket()
        self._rate = GREETINGS
        self._is_refused = False

    def receive(self, text: bytes | bytearray, now: int) -> Effect:
        """What a text frame asks for; None: nothing to do."""
        if self.is_flooded(now):
            return _FLOOD
        frame = wire.parse(text)
        if frame is None:
            return _GARBAGE if _is_utf8(text) else End(close_reasons.NOT_UTF8)
        if self.identity is None:
            return self._greet(frame, now)
        if now >= self.identity.expires_at:
            return _EXPIRED
        if isinstance(frame, (wire.ClaimFrame, wire.SeenFrame)):
            return frame
        return _GARBAGE if isinstance(frame, wire.Hello) else None  # one hello is enough

    def is_flooded(self, now: int) -> bool:
        """Counts one message of any kind, WebSocket pings too."""
        self.heard_at = now
        return self._messages.take(self._rate, now) > 0

    def clock_moved(self, by_ms: int, now: int) -> None:
        """The wall clock was set, to `now`: how long somebody has been silent is as before."""
        self.began_at = min(self.began_at + by_ms, now)
        self.heard_at = min(self.heard_at + by_ms, now)

    def tick(self, now: int) -> End | None:
        """Asked every few seconds: is it time to end this socket?"""
        if self.identity is None:
            return End(close_reasons.NO_HELLO) if now - self.began_at >= HELLO_MS else None
        if now >= self.identity.expires_at:
            return _EXPIRED
        return End(close_reasons.SILENT) if now - self.heard_at >= SILENCE_MS else None

    def _greet(self, frame: wire.ClientFrame, now: int) -> Effect:
        """One try: who was refused is told so in a moment, and does not go on with another token."""
        if self._is_refused:
            return None
        effect = self._welcome_or_refuse(frame, now)
        self._is_refused = isinstance(effect, End)
        return effect

    def _welcome_or_refuse(self, frame: wire.ClientFrame, now: int) -> Effect:
        if not isinstance(frame, wire.Hello):
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
