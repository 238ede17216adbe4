"""Note whom our own events name: who got a coupon or ordered is known, and when they were seen last.

Called by a worker once a second; any number of workers may call it. A claim must not wait for this, so the
event log is read behind the claims. Rules ask for the students who are noted here or whom the school named.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from server.core.audiences.student_events import Sighting, seen
from server.core.event_types import EventType
from server.ledger import event_log, event_positions
from server.ledger.audiences import student_events
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent

READER: Final = "students"
PAGE: Final = 1_000  # events of one transaction: 15 ms of the database
_SPAN: Final = 5_000  # numbers that one page looks through
_PAGES: Final = 3  # of one call: a storm of claims is noted within seconds after it
_NAMING: Final = frozenset(
    {
        EventType.COUPON_CONFIRMED,
        EventType.REDEMPTION_LOCKED,
        EventType.REDEMPTION_REDEEMED,
    }
)
# Sources of coupons that a student took: by a tap, or by typing a code.
_TAKEN: Final = frozenset({"claim", "list", "link", "qr"})


async def note_students(ledger: Ledger, now: int) -> int:
    """Note the students of the next events; return how many events that were."""
    async with ledger.read() as conn:
        if await event_positions.has_read_all(conn, READER):
            return 0
    total = 0
    for _ in range(_PAGES):
        noted = await _page(ledger, now)
        total += noted
        if noted < PAGE:
            break
    return total


async def _page(ledger: Ledger, now: int) -> int:
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER)
        if position is None:
            return 0
        end = min(await event_positions.last_number(conn), position + _SPAN)
        events, until = await event_log.read_range(conn, position, end, _NAMING, PAGE)
        found = seen(_sightings(events))
        if found:
            await student_events.add_totals(conn, found, now)
        await event_positions.move(conn, READER, until)
    return len(events)


def _sightings(events: Sequence[NumberedEvent]) -> list[Sighting]:
    return [
        Sighting(event.student, event.at, _is_own(event))
        for event in events
        if event.student is not None
    ]


def _is_own(event: NumberedEvent) -> bool:
    if event.type != EventType.COUPON_CONFIRMED:
        return True
    return orjson.loads(event.data).get("source") in _TAKEN
