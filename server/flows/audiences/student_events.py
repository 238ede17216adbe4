"""Accept what a school tells of its students, once each.

Called by the API for the school's back end, and by the worker that ends what is old. An accepted event goes
into the event log, where triggers read it, in the transaction that counts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from server.core import instants
from server.core.audiences.student_events import (
    StudentEvent,
    day_of,
    event_violations,
    first_of_each,
)
from server.core.event_types import Event, EventType
from server.core.refusals import Refused
from server.core.violations import refused
from server.flows.abort import returns_refusal
from server.ledger import event_log
from server.ledger.audiences import student_events
from server.ledger.engine import Ledger

_ROUNDS = 20  # pieces that one call of `delete_old` deletes at most


@dataclass(frozen=True, slots=True)
class Accepted:
    """Counts of the events of a call: those that are new, and those that were known or stand twice in it."""

    accepted: int
    duplicates: int


@returns_refusal
async def accept_events(
    ledger: Ledger, events: Sequence[StudentEvent], zone: tzinfo, now: int
) -> Accepted | Refused:
    """Store the events whose ids are new, all or none. Refuses with invalid_field, by index."""
    broken = [*event_violations(events, now)]
    if broken:
        return refused(broken)
    async with ledger.begin() as conn:
        new = await student_events.insert_new(conn, first_of_each(events), now)
        await student_events.add_up(conn, new, zone, now)
        await event_log.record(conn, [_logged(each, now) for each in new])
    return Accepted(len(new), len(events) - len(new))


def _logged(event: StudentEvent, now: int) -> Event:
    """Return the event of the log; its `at` is ours, the school's is in `data`."""
    data = {"type": event.type, "at": instants.to_text(event.at), "data": dict(event.data)}
    return Event(EventType.STUDENT_EVENT, now, event.id, data, event.student)


async def delete_old(ledger: Ledger, now: int) -> None:
    """Delete, in pieces, events after 30 days and what is counted of them after 40 and 400."""
    today = day_of(now, UTC)  # a day more or less is all the same after 400
    for _ in range(_ROUNDS):
        async with ledger.begin() as conn:
            if not await student_events.delete_old(conn, today, now):
                return
