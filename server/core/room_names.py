"""Room names: which texts are one, and how a path names a room.

Used wherever a room is named (tokens, batches, the command line) and by the readers of paths.
"""

import re
from typing import Final
from urllib.parse import unquote

_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SOCKET_PATH: Final = re.compile(r"/v1/rooms/([^/]+)")
# A browser takes these as steps in a path, however they are encoded: such a room could not be reached.
LINK_MARK: Final = "@"  # begins the room of a link's drop, which no token can name
_STEPS: Final = frozenset((".", ".."))


def is_room_name(name: str) -> bool:
    """Return whether the text can name a room."""
    return _NAME.fullmatch(name) is not None and name not in _STEPS


def room_of(target: str) -> str | None:
    """Return the room of a socket's request target, or None. The path is decoded once, as the API's paths
    are: clients may encode any character, and many encode ':'."""
    path = target.partition("?")[0]
    match = _SOCKET_PATH.fullmatch(unquote(path) if "%" in path else path)
    return match[1] if match is not None and is_room_name(match[1]) else None
