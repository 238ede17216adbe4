"""What one room tells everybody: in order, in one write for each connection, a slice at a time.

Used by `room.py`, which says who is there and what is due. A frame goes to those who were there when it
was queued, and to nobody else: who is welcomed later has it in their welcome, and must not hear of
what is older than that.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, repeat
from operator import call

from server.core.drops.claims import Audience
from server.core.identity import Identity, Role
from server.gateway.connection import Connection

WRITES_PER_TURN = 1_000  # then the loop serves claims; 10 ms at 10 us a write

Queued = tuple[bytes, Audience]
Write = Callable[[bytes], object]
OnSent = Callable[[float, Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class _Sending:
    """What goes out together, by which transports, and since when (seconds of the loop's clock). `left`
    are those of `writes` whose turn has not come, `each` what they are given."""

    writes: list[Write]
    left: Iterator[Write]
    each: Iterator[bytes]
    published: list[int]
    begun: float


class Broadcast:
    """`members` is the room's own: who has been welcomed, with the `write` of their transport.
    `on_sent(seconds, published)` is told when every transport has what was due: how long that took, and
    when what the feed said of it was published (ms, by Redis' clock)."""

    def __init__(self, members: Mapping[Connection, Write], on_sent: OnSent) -> None:
        self._members = members
        self._on_sent = on_sent
        self._queue: list[Queued] = []
        self._published: list[int] = []  # when what is in the queue was
        self._due: deque[_Sending] = deque()  # addressed; the first may be half sent
        self._is_sending = False

    @property
    def is_sending(self) -> bool:
        return self._is_sending

    def put(self, frame: bytes, audience: Audience, published: int | None = None) -> None:
        """Together with whatever else is due in this pass."""
        self._queue.append((frame, audience))
        if published is not None:
            self._published.append(published)
        if not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().call_soon(self._send)

    def address_queued(self) -> None:
        """Before somebody new comes in: what is queued is for those who are here now."""
        if self._queue:
            queue, self._queue = self._queue, []
            published, self._published = self._published, []
            begun = asyncio.get_running_loop().time()
            writes, each = self._addressed(queue)
            self._due.append(_Sending(writes, iter(writes), each, published, begun))

    def forget(self) -> None:
        """Everybody is about to get the whole state: what is on its way is older than that."""
        self._queue.clear()
        self._published.clear()
        for sending in self._due:
            sending.writes.clear()

    def _addressed(self, queue: list[Queued]) -> tuple[list[Write], Iterator[bytes]]:
        if all(audience.is_everybody for _, audience in queue):
            return list(self._members.values()), repeat(b"".join(frame for frame, _ in queue))
        writes, each = [], []
        for connection, write in self._members.items():
            identity = connection.session.identity if connection.session else None
            if identity is not None:
                data = b"".join(frame for frame, who in queue if admits(who, identity))
                if data:
                    writes.append(write)
                    each.append(data)
        return writes, iter(each)

    def _send(self) -> None:
        self.address_queued()
        self._is_sending = bool(self._due)
        if self._due:
            self._send_slice(0)

    def _send_slice(self, start: int) -> None:
        loop, sending = asyncio.get_running_loop(), self._due[0]
        _write_some(sending)
        start += WRITES_PER_TURN
        if start < len(sending.writes):
            loop.call_soon(self._send_slice, start)
            return
        self._due.popleft()
        self._on_sent(loop.time() - sending.begun, sending.published)
        self._is_sending = bool(self._due or self._queue)
        if self._is_sending:
            loop.call_soon(self._send)


def _write_some(sending: _Sending) -> None:
    """A loop without a line of Python in it: of what a write costs in a process a third. A transport that
    has closed meanwhile raises, and the others go on; one that is not read from cuts itself off
    (Connection.pause_writing)."""
    calls = map(call, islice(sending.left, WRITES_PER_TURN), sending.each)
    for _ in range(WRITES_PER_TURN):
        with suppress(RuntimeError):
            deque(calls, maxlen=0)
            return


def admits(audience: Audience, identity: Identity) -> bool:
    """Who teaches sees all drops of the room."""
    return identity.role is not Role.STUDENT or audience.admits(
        identity.subject, identity.tags, identity.is_new
    )
