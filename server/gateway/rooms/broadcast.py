"""Sends frames to all members of a room: in order, one write for each connection, a slice at a time.

Used by `room.py`. Invariant: a frame goes to the members at the time when it was queued, and to nobody else.
A member that is welcomed later has its content in the welcome, and must not receive what is older than that.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, repeat
from operator import call
from typing import NamedTuple

from server.core.drops.claims import Audience
from server.core.identity import Identity, Role
from server.gateway.sockets.connection import Connection

WRITES_PER_TURN = 1_000  # 10 ms at 10 us a write; then the loop serves claims

Queued = tuple[bytes, Audience]
Write = Callable[[bytes], object]


class Published(NamedTuple):
    """A frame of the feed: when it was published (ms, by Redis' clock), and of which drop.
    `is_card`: it opened the drop.
    """

    at: int
    room: str
    drop_id: str
    is_card: bool


OnSent = Callable[[float, Sequence[Published]], None]


@dataclass(frozen=True, slots=True)
class _Sending:
    """Frames that go out together. `writes`: the transports' write functions; `left`: an iterator over those
    whose turn has not come; `each`: the bytes for each of these. `published`: see `Broadcast`. `begun`:
    seconds, by the loop's clock."""

    writes: list[Write]
    left: Iterator[Write]
    each: Iterator[bytes]
    published: list[Published]
    begun: float


class Broadcast:
    """`members` is the room's own dict: welcomed connections, with the `write` of their transport.
    `on_sent(seconds, published)` is called when the frames have been given to every transport: how long that
    took, and which publications were among them."""

    def __init__(self, members: Mapping[Connection, Write], on_sent: OnSent) -> None:
        self._members = members
        self._on_sent = on_sent
        self._queue: list[Queued] = []
        self._published: list[Published] = []  # of the frames in the queue
        self._due: deque[_Sending] = deque()  # with their members; the first may be half sent
        self._is_sending = False

    @property
    def is_sending(self) -> bool:
        return self._is_sending

    def put(self, frame: bytes, audience: Audience, published: Published | None = None) -> None:
        """Queue a frame. All frames of one turn of the event loop are sent together."""
        self._queue.append((frame, audience))
        if published is not None:
            self._published.append(published)
        if not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().call_soon(self._send)

    def address_queued(self) -> None:
        """Fix the members of the queued frames. Call before a member is added."""
        if self._queue:
            queue, self._queue = self._queue, []
            published, self._published = self._published, []
            begun = asyncio.get_running_loop().time()
            writes, each = self._addressed(queue)
            self._due.append(_Sending(writes, iter(writes), each, published, begun))

    def forget(self) -> None:
        """Drop everything unsent: all members are about to get the whole state, which is newer."""
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
    """Write one slice. `deque(map(...))` is a loop without Python code, which saves a third of the process'
    time for a write. A transport that has closed meanwhile raises; the loop goes on behind it. A client that
    does not read is aborted by `Connection.pause_writing`."""
    calls = map(call, islice(sending.left, WRITES_PER_TURN), sending.each)
    for _ in range(WRITES_PER_TURN):
        with suppress(RuntimeError):
            deque(calls, maxlen=0)
            return


def admits(audience: Audience, identity: Identity) -> bool:
    """Return whether this person is shown the drop. Instructors see all drops of their room, a screen those
    that are for everybody: what is meant for some is not for the wall."""
    if identity.role is Role.SCREEN:
        return audience.is_everybody
    return identity.role is not Role.STUDENT or audience.admits(
        identity.subject, identity.tags, identity.is_new
    )
