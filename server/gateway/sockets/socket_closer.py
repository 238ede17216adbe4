"""Closes the sockets of departed clients in batches, one batch in each turn of the event loop.

Used by `connection.py`; one for a gateway. Knows no rooms and no students.

A class that loses its network leaves ten thousand sockets to close, at 30 us each, most of it in the kernel.
The loop notices a thousand of them in one turn. Closing all of these at once delays everybody else: a request
that takes ten turns of the loop took 200 ms.
"""

import asyncio
from collections import deque
from typing import Final

CLOSES_PER_TURN: Final = 50  # 1.5 ms


class SocketCloser:
    def __init__(self) -> None:
        self._transports: deque[asyncio.Transport] = deque()
        self._is_due = False

    def close_soon(self, transport: asyncio.Transport) -> None:
        """Queue a transport. The queue is bounded by the number of sockets."""
        self._transports.append(transport)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._close_some)

    def close_one(self) -> None:
        """Close one queued socket; called for each new one. A class that loses its network and comes back at
        once would otherwise be counted twice, and fill the process."""
        if self._transports:
            self._transports.popleft().close()

    def _close_some(self) -> None:
        for _ in range(min(CLOSES_PER_TURN, len(self._transports))):
            self._transports.popleft().close()
        self._is_due = bool(self._transports)
        if self._is_due:
            asyncio.get_running_loop().call_soon(self._close_some)
