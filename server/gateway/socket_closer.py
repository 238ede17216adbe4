"""Closes the sockets whose clients have gone: some in each turn of the loop.

Used by `connection.py`; one for a gateway. Knows no rooms and no students.

A class that loses its network at once leaves ten thousand sockets to be closed, 30 us each, most of it the
kernel's. Closed as they are noticed, a thousand in a turn, they hold up everybody who is still there: a look
at a drop takes ten turns, and so took 200 ms.
"""

import asyncio
from collections import deque
from typing import Final

CLOSED_IN_A_ROW: Final = 50  # 1.5 ms; then the loop serves the others


class SocketCloser:
    def __init__(self) -> None:
        self._transports: deque[asyncio.Transport] = deque()
        self._is_due = False

    def close_soon(self, transport: asyncio.Transport) -> None:
        """As many may wait as there are sockets: each is there already."""
        self._transports.append(transport)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._close_some)

    def make_room(self) -> None:
        """Somebody comes, and one of those who go is closed first: a class that falls and comes back at once
        would otherwise be there twice, and fill the house."""
        if self._transports:
            self._transports.popleft().close()

    def _close_some(self) -> None:
        for _ in range(min(CLOSED_IN_A_ROW, len(self._transports))):
            self._transports.popleft().close()
        self._is_due = bool(self._transports)
        if self._is_due:
            asyncio.get_running_loop().call_soon(self._close_some)
