"""Limits on how much of a large welcome may be unsent, and for how long.

Used by `connection.py`; one for a gateway, updated each second by `background_tasks.py`. A client is evicted
when 64 KB of pushed frames are unsent. A welcome may be larger than that, so its bytes are allowed in
addition as long as the client goes on reading. There is no timer for each socket: ten thousand may join at
once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.gateway.sockets.connection import Connection

LARGE_BYTES: Final = 16 * 1024  # a smaller welcome leaves enough of the 64 KB for what is pushed
STALLED_MS: Final = 10_000  # without having read a byte
WHOLE_MS: Final = 60_000  # for all of it: 4 KB/s for the largest; clients give up after 15 s


@dataclass(slots=True)
class _Unread:
    """`least`: the fewest bytes that were unsent so far, reached at `since`. `begun`: when the welcome was
    written. Times in ms."""

    least: int
    since: int
    begun: int


class Allowances:
    def __init__(self) -> None:
        self._unread: dict[Connection, _Unread] = {}

    def __len__(self) -> int:
        return len(self._unread)

    def grant(self, connection: "Connection", size: int, now: int) -> int:
        """Call before a welcome of `size` bytes is written. Return how many bytes may be unsent beside
        pushed frames."""
        transport = connection.transport
        unsent = size + (transport.get_write_buffer_size() if transport is not None else 0)
        self._unread[connection] = _Unread(unsent, now, now)
        return unsent

    def update(self, now: int) -> None:
        """Reduce each allowance to what is still unsent, and evict clients that have stopped reading."""
        for connection, unread in list(self._unread.items()):
            transport = connection.transport
            unsent = transport.get_write_buffer_size() if transport is not None else 0
            if unsent < LARGE_BYTES:
                del self._unread[connection]
                connection.allow_unsent(0)
                continue
            if unsent < unread.least:
                unread.least, unread.since = unsent, now
                connection.allow_unsent(unsent)
            if now - unread.since >= STALLED_MS or now - unread.begun >= WHOLE_MS:
                connection.evict()

    def forget(self, connection: "Connection") -> None:
        self._unread.pop(connection, None)
