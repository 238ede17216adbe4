"""Read the event log by number, and wait for what comes: the pages that GET /v1/events answers.

Called by the API. desk/feed/number_announcements.py wakes `EventWaiters`. A waiting reader asks the ledger
when a type that it wants is announced, and every few seconds in case nothing could be announced.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import orjson

from server.core import instants
from server.core.event_types import EventType
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent

MAX_WAITERS: Final = 500  # of a process; each costs 2 KB and, every few seconds, a read
_RANGE: Final = 20_000  # numbers that one statement looks at: 20 ms where none is of a wanted type
_LOOK_SECONDS: Final = 2.0  # then a page without events says how far it has looked
_UNANNOUNCED_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class EventPage:
    """`events` in order. `next` is the position to read on from. `is_behind`: more is there already."""

    events: list[NumberedEvent]
    next: int
    is_behind: bool


@dataclass(slots=True)
class _Waiter:
    types: frozenset[str] | None
    numbered: asyncio.Event = field(default_factory=asyncio.Event)


class EventWaiters:
    """The readers of one process that wait for events."""

    def __init__(self) -> None:
        self._waiters: dict[int, _Waiter] = {}
        self._is_closed = False

    @property
    def waiters(self) -> int:
        return len(self._waiters)

    @property
    def is_full(self) -> bool:
        return self.waiters >= MAX_WAITERS

    @property
    def is_closed(self) -> bool:
        """Return whether the process stops: nobody should wait any more."""
        return self._is_closed

    def on_numbered(self, types: Collection[str]) -> None:
        """Wake those who wait for one of these types."""
        for waiter in self._waiters.values():
            if waiter.types is None or not waiter.types.isdisjoint(types):
                waiter.numbered.set()

    def close(self) -> None:
        """Wake all, for good."""
        self._is_closed = True
        for waiter in self._waiters.values():
            waiter.numbered.set()

    @contextmanager
    def waiting(self, types: Collection[EventType] | None) -> Iterator[asyncio.Event]:
        """Return an event that is set when something of these types gets a number."""
        waiter = _Waiter(None if types is None else frozenset(types))
        self._waiters[id(waiter)] = waiter
        try:
            yield waiter.numbered
        finally:
            del self._waiters[id(waiter)]


async def read_page(
    ledger: Ledger, after: int, types: Collection[EventType] | None, limit: int
) -> EventPage:
    """Return the events after `after`, `limit` at most.

    Where wanted types are rare the log is looked through range by range. After 2 s the page is answered as
    it is, empty if need be, and `next` says how far it has looked.
    """
    give_up_at = monotonic() + _LOOK_SECONDS
    async with ledger.read() as conn:
        last = await event_positions.last_number(conn)
        first = await event_log.oldest_kept(conn)
        position = max(after, (first or 1) - 1)
        while position < last:
            until = min(position + _RANGE, last)
            found, position = await event_log.read_range(conn, position, until, types, limit)
            if found or monotonic() > give_up_at:
                return EventPage(found, position, position < last)
    return EventPage([], max(after, last), is_behind=False)


async def wait_for_page(
    ledger: Ledger,
    waiters: EventWaiters,
    after: int,
    types: Collection[EventType] | None,
    limit: int,
    wait_seconds: float,
) -> EventPage:
    """Return the next page as soon as it has an event, or an empty one after `wait_seconds`."""
    until = monotonic() + wait_seconds
    with waiters.waiting(types) as numbered:
        while True:
            numbered.clear()
            page = await read_page(ledger, after, types, limit)
            rest = until - monotonic()
            if page.events or page.is_behind or rest <= 0 or waiters.is_closed:
                return page
            after = page.next
            try:
                async with asyncio.timeout(min(rest, _UNANNOUNCED_SECONDS)):
                    await numbered.wait()
            except TimeoutError:
                continue


def event_json(event: NumberedEvent) -> dict[str, object]:
    """Return an event as GET /v1/events and webhooks show it. Its data are JSON already."""
    return {
        "seq": event.seq,
        "id": event.id,
        "type": event.type,
        "at": instants.to_text(event.at),
        "subject": event.subject,
        "data": orjson.Fragment(event.data),
    }
