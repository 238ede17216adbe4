"""The states of a connection and the transitions between them.

Used by `connection.py` and both wire protocols.
"""

from enum import IntEnum, auto
from typing import Final


class State(IntEnum):  # an IntEnum, because the hash of a plain enum is a call of Python code
    OPENING = auto()  # the handshake has not been accepted
    OPEN = auto()  # frames go both ways
    CLOSING = auto()  # a close was sent or received: no frame of ours may follow it
    CLOSED = auto()  # the transport is gone


# Every transition there is. A refused handshake goes from OPENING to CLOSING; a transport may be lost in any
# state.
NEXT: Final = {
    State.OPENING: frozenset({State.OPEN, State.CLOSING, State.CLOSED}),
    State.OPEN: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSING: frozenset({State.CLOSED}),
    State.CLOSED: frozenset[State](),
}
OPEN: Final = State.OPEN  # reading a global takes half as long as reading an attribute of an enum
