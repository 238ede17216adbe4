"""Count whom a trigger would have hit in the last days; nothing is written.

Called by the API for operators, before they activate it. Reads the log page by page, so that it holds up
nobody, and stops after a few seconds.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from server.core.audiences.student_events import day_of
from server.core.events.triggers import Happening, RemainingFirings, Trigger, waits_for
from server.core.refusals import Code, Refused
from server.flows.abort import returns_refusal
from server.flows.events.match_triggers import WATCHED, Asking, fulfilled, happenings_of
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.events import triggers as rows

PAGE: Final = 500
SAMPLE: Final = 20
_SPAN: Final = 20_000  # numbers that one page looks through
_SECONDS: Final = 6.0  # shorter than the API's deadline
_DAY_MS: Final = 24 * 3600 * 1000


@dataclass(slots=True)
class DryRun:
    """The result: `events` of its type, `fulfilled` of them, `issued` within its limits, and to whom.

    `is_complete` is False where there was no time for the rest; the days that were looked at are the last
    ones before `from_at` (ms) on.
    """

    events: int = 0
    fulfilled: int = 0
    issued: int = 0
    is_complete: bool = True
    students: dict[str, None] = field(default_factory=dict)


@returns_refusal
async def dry_run(
    ledger: Ledger, trigger_id: str, days: int, zone: tzinfo, now: int
) -> DryRun | Refused:
    """Ask the current version of all events of the last `days` days. Facts are asked as they are now.

    `not_found`.
    """
    async with ledger.read() as conn:
        trigger = await rows.find(conn, trigger_id)
        if trigger is None:
            return Refused(Code.NOT_FOUND)
        last = await event_positions.last_number(conn)
        after = await event_log.last_before(conn, now - days * _DAY_MS)
    limits, found = trigger.form.limits, DryRun()
    remaining = RemainingFirings(limits.total, limits.per_student, limits.per_day, {}, {})
    ends_at = asyncio.get_running_loop().time() + _SECONDS
    while after < last:
        if asyncio.get_running_loop().time() > ends_at:
            found.is_complete = False
            break
        after = await _page(ledger, trigger, (after, last), (found, remaining), Asking(now, zone))
    return found


async def _page(
    ledger: Ledger,
    trigger: Trigger,
    span: tuple[int, int],
    counted: tuple[DryRun, RemainingFirings],
    asking: Asking,
) -> int:
    """Count one page; return the number up to which it went."""
    found, remaining = counted
    end = min(span[1], span[0] + _SPAN)
    async with ledger.read() as conn:
        events, until = await event_log.read_range(conn, span[0], end, WATCHED, PAGE)
        waiting = [one for one in happenings_of(events) if waits_for(trigger, one, None)]
        chosen = await fulfilled(conn, trigger, waiting, asking)
    found.events += len(waiting)
    found.fulfilled += len(chosen)
    for one in chosen:
        if remaining.take(one.student, _day(one, asking.zone)) is not None:
            found.issued += 1
            found.students.setdefault(one.student)
    return until


def _day(happening: Happening, zone: tzinfo) -> int:
    return day_of(happening.at, zone)
