"""Check the event log: that events get their numbers, without a gap, and that no reader is ahead of them.

Called by doctor.py. Looks at the newest numbers only: older ones were looked at when they were new.
"""

from typing import Final

from server.flows.consistency.findings import PERSON, Finding, FindingKind
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.events import webhooks

UNNUMBERED_MS: Final = 60_000  # a worker numbers within a tenth of a second
_NEWEST: Final = 50_000


async def check_events(ledger: Ledger, now: int) -> list[Finding]:
    """Return a finding for events that wait too long, for a gap, and for each reader that is ahead."""
    async with ledger.read() as conn:
        oldest = await event_log.oldest_unnumbered_at(conn)
        positions = await event_positions.all_positions(conn)
        last = positions.pop(event_positions.NUMBERING, 0)
        missing = await event_log.missing_numbers(conn, max(0, last - _NEWEST), last)
        positions |= {each.id: each.position for each in await webhooks.page(conn, 1_000, None)}
    found = []
    if oldest is not None and now - oldest > UNNUMBERED_MS:
        what = f"an event has waited {(now - oldest) // 1000} s for its number"
        found.append(Finding(FindingKind.EVENTS_UNNUMBERED, what, "start a worker"))
    if missing:
        what = f"{missing} of the newest events up to number {last} are missing"
        found.append(Finding(FindingKind.EVENTS_MISSING, what, PERSON))
    found += [
        Finding(
            FindingKind.READER_AHEAD,
            f"the reader {reader} has come to {seq}, but the last number is {last}: it would miss what comes",
            PERSON,
            error=reader,
        )
        for reader, seq in sorted(positions.items())
        if seq > last
    ]
    return found
