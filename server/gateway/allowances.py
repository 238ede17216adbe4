"""What a large welcome may leave unsent, and for how long.

Used by `connection.py`; one for a gateway, looked at each second by `background_tasks.py`. A client is
evicted where 64 KB of what it was pushed are unsent. A welcome can be larger than that: its bytes do not
count, as long as the client reads on. There is no timer for each: a class of ten thousand joins at once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.gateway.connection import Connection

LARGE_BYTES: Final = 16 * 1024  # a smaller welcome leaves enough of the 64 KB for what is pushed
STILL_MS: Final = 10_000  # without having read a byte: there is nobody
WHOLE_MS: Final = 60_000  # for all of it: 4 KB/s; clients give up after 15 s


@dataclass(slots=True)
class _Unread:
    """`least`: the fewest bytes that were unsent so far, and since when. `begun`: when it was written."""

    least: int
    since: int
    begun: int


class Allowances:
    def __init__(self) -> None:
        self._unread: dict[Connection, _Unread] = {}

    def __len__(self) -> int:
        return len(self._unread)

    def grant(self, connection: "Connection", size: int, now: int) -> int:
        """Before a welcome of `size` bytes is written: how much may be unsent beside what is pushed."""
        transport = connection.transport
        unsent = size + (transport.get_write_buffer_size() if transport is not None else 0)
        self._unread[connection] = _Unread(unsent, now, now)
        return unsent

    def look(self, now: int) -> None:
        """Takes back what has been read, and cuts off who reads nothing."""
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
            if now - unread.since >= STILL_MS or now - unread.begun >= WHOLE_MS:
                connection.evict()

    def forget(self, connection: "Connection") -> None:
        self._unread.pop(connection, None)
