"""Fire triggers: read the event log by number, and issue to those whose event fulfils one.

Called by a worker several times a second; any number of workers may call it, and the lock of the reader's
position lets one of them fire at a time. A page is one transaction: firings, issuances, counts and the
position are committed together, so each event fires a trigger exactly once, whatever dies. The coupons follow
by the worker that drives issuances on (flows/coupons/issuing/drive_issuances.py).

A trigger that is activated again may catch up what happened while it was paused: it then reads the log a
second time, page by page beside the live one.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.issuances import IssuanceSource, NewIssuance
from server.core.event_types import Event, EventType
from server.core.events.triggers import Happening, RemainingFirings, Trigger, waits_for
from server.core.ids import StudentId
from server.flows.coupons.issuing import issue
from server.flows.events.match_triggers import WATCHED, Asking, fulfilled, happenings_of
from server.ledger import event_log, event_positions
from server.ledger.engine import Ledger
from server.ledger.events import triggers as rows

# Events that are looked at in one transaction, 60 ms of the database: what fires becomes one piece.
PAGE: Final = 1_000
_PAGES: Final = 20  # of one call; the next one follows soon
_SPAN: Final = 5_000  # numbers that one page looks through for events of the types it knows
_KEPT_MS: Final = 400 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that fires for an event: the student's firing number `n`, on a day of the school."""

    happening: Happening
    n: int
    day: int


async def fire_triggers(ledger: Ledger, zone: tzinfo, now: int) -> int:
    """Fire for all events that have come, a few pages at most; return how many firings there were."""
    async with ledger.read() as conn:
        is_idle = await event_positions.has_read_all(conn, rows.READER)
    if is_idle and not await _is_catching_up(ledger):
        return 0
    total = 0
    for _ in range(_PAGES):
        fired, goes_on = await _page(ledger, Asking(now, zone))
        total += fired
        if not goes_on:
            break
    return total


async def _is_catching_up(ledger: Ledger) -> bool:
    async with ledger.read() as conn:
        return await rows.is_catching_up(conn)


@dataclass(frozen=True, slots=True)
class _Found:
    """A page as it was read: the events up to `until` that each trigger waits for and that fulfil it.

    `caught_up` is a page of what one trigger catches up, read up to `caught_up_to`.
    """

    position: int | None
    until: int
    last: int
    active: Sequence[Trigger]
    live: Sequence[tuple[Trigger, Sequence[Happening]]]
    caught_up: tuple[Trigger, Sequence[Happening]] | None = None
    caught_up_to: int = 0


async def _page(ledger: Ledger, asking: Asking) -> tuple[int, bool]:
    """Do one page of the live log, and one of what is caught up; return how much fired, and whether there is
    more.

    Conditions are asked while nothing is locked: one of them may take long. What is then written is what was
    read, or nothing where another worker was faster or a trigger was changed meanwhile.
    """
    async with ledger.read() as conn:
        found = await _read_page(conn, asking)
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, rows.READER)
        if position is None or found.position is None:
            return 0, False
        active = await rows.active_for_update(conn)
        if position != found.position or not _are_same(active, found.active):
            return 0, True
        return await _write_page(conn, found, asking)


def _are_same(now: Sequence[Trigger], before: Sequence[Trigger]) -> bool:
    def progress(trigger: Trigger) -> tuple[object, ...]:
        return trigger.id, trigger.version, trigger.live_from, trigger.catch_up_from

    return list(map(progress, now)) == list(map(progress, before))


async def _read_page(conn: AsyncConnection, asking: Asking) -> _Found:
    position = await event_positions.position_of(conn, rows.READER)
    last, active = await event_positions.last_number(conn), await rows.active(conn)
    if position is None:
        return _Found(None, 0, last, active, ())
    happenings, until = await _read_events(conn, position, last)
    live = [
        (each, await _fulfilling(conn, each, happenings, each.live_from, asking)) for each in active
    ]
    behind = next((each for each in active if each.catch_up_from is not None), None)
    if behind is None or behind.catch_up_from is None:
        return _Found(position, until, last, active, live)
    start = behind.catch_up_from
    missed, end = await _read_events(conn, start, behind.live_from)
    caught_up = (behind, await _fulfilling(conn, behind, missed, start, asking))
    return _Found(position, until, last, active, live, caught_up, end)


async def _read_events(conn: AsyncConnection, after: int, last: int) -> tuple[list[Happening], int]:
    """Return the events of a page, and the number up to which it reads: PAGE events of the known types,
    within _SPAN numbers.
    """
    end = min(last, after + _SPAN)
    found, until = await event_log.read_range(conn, after, end, WATCHED, PAGE)
    return happenings_of(found), until


async def _fulfilling(
    conn: AsyncConnection,
    trigger: Trigger,
    happenings: Sequence[Happening],
    behind: int,
    asking: Asking,
) -> list[Happening]:
    """Return the events behind the number `behind` that the trigger waits for and that fulfil it."""
    waiting = [
        one for one in happenings if one.seq > behind and waits_for(trigger, one, asking.now)
    ]
    return await fulfilled(conn, trigger, waiting, asking)


async def _write_page(conn: AsyncConnection, found: _Found, asking: Asking) -> tuple[int, bool]:
    fired = 0
    for trigger, happenings in found.live:
        fired += await _fire(conn, trigger, happenings, asking)
        await _end_if_over(conn, trigger, asking.now)
    await event_positions.move(conn, rows.READER, found.until)
    if found.caught_up is not None:
        trigger, happenings = found.caught_up
        fired += await _fire(conn, trigger, happenings, asking)
        is_done = found.caught_up_to >= trigger.live_from
        await rows.move_catch_up(conn, trigger.id, None if is_done else found.caught_up_to)
    return fired, found.until < found.last or found.caught_up is not None


async def _end_if_over(conn: AsyncConnection, trigger: Trigger, now: int) -> None:
    """End the trigger where its window is over, and what is late can no longer be young enough; or where its
    total is reached.
    """
    form, current = trigger.form, await rows.find(conn, trigger.id)
    fired = 0 if current is None else current.fired
    is_reached = form.limits.total is not None and fired >= form.limits.total
    ends_at = None if form.until_at is None else form.until_at + form.ignore_older_than_s * 1000
    if is_reached or (ends_at is not None and now > ends_at):
        await rows.store_end(conn, trigger.id, now)
        data = {"reason": "total_reached" if is_reached else "window_over"}
        await event_log.record(conn, [Event(EventType.TRIGGER_ENDED, now, trigger.id, data)])


async def _fire(
    conn: AsyncConnection, trigger: Trigger, found: Sequence[Happening], asking: Asking
) -> int:
    """Fire the trigger for those of the events that its limits allow; return how many."""
    chosen = await _within_limits(conn, trigger, found, asking)
    if chosen:
        await _issue(conn, trigger, chosen, asking.now)
    return len(chosen)


async def _within_limits(
    conn: AsyncConnection, trigger: Trigger, found: Sequence[Happening], asking: Asking
) -> list[Fired]:
    if not found:
        return []
    done = await rows.fired_events(conn, trigger.id, [one.id for one in found])
    today = asking.moment.today
    remaining = await _remaining(conn, trigger, {one.student for one in found}, today)
    chosen = []
    for one in found:
        n = None if one.id in done else remaining.take(one.student, today)
        if n is not None:
            chosen.append(Fired(one, n, today))
    return chosen


async def _remaining(
    conn: AsyncConnection, trigger: Trigger, students: set[str], today: int
) -> RemainingFirings:
    limits, current = trigger.form.limits, await rows.find(conn, trigger.id)
    fired = trigger.fired if current is None else current.fired
    return RemainingFirings(
        total=None if limits.total is None else limits.total - fired,
        per_student=limits.per_student,
        per_day=limits.per_day,
        fired_on=await rows.fired_on(conn, trigger.id, [today]),
        fired_for=await rows.fired_for(conn, trigger.id, students),
    )


async def _issue(
    conn: AsyncConnection, trigger: Trigger, chosen: Sequence[Fired], now: int
) -> None:
    """Write the firings, and one issuance for all of them; a student's second firing of a page is in a second
    issuance, because an issuance has each student once.
    """
    by_turn: defaultdict[int, list[Fired]] = defaultdict(list)
    turns: defaultdict[str, int] = defaultdict(int)
    for fired in chosen:
        by_turn[turns[fired.happening.student]].append(fired)
        turns[fired.happening.student] += 1
    for each in by_turn.values():
        await _issue_once(conn, trigger, each, now)
    await rows.add_to_day(conn, trigger.id, chosen[0].day, len(chosen))
    await rows.add_fired(conn, trigger.id, len(chosen))


async def _issue_once(
    conn: AsyncConnection, trigger: Trigger, chosen: Sequence[Fired], now: int
) -> None:
    form = NewIssuance(
        reason=trigger.form.name,
        batch_id=trigger.form.batch_id,
        pack_id=trigger.form.pack_id,
        source=IssuanceSource.TRIGGER,
        source_id=trigger.id,
    )
    students = [StudentId(fired.happening.student) for fired in chosen]
    made = await issue.add(conn, form, actor=trigger.id, now=now, students=students)
    await rows.insert_firings(
        conn,
        [
            (
                trigger.id,
                one.happening.id,
                one.happening.student,
                one.n,
                trigger.version,
                made.id,
                now,
            )
            for one in chosen
        ],
    )
    await event_log.record(conn, [_fired_event(trigger, one, made.id, now) for one in chosen])


def _fired_event(trigger: Trigger, fired: Fired, issuance_id: str, now: int) -> Event:
    data = {"event_id": fired.happening.id, "n": fired.n, "issuance_id": issuance_id}
    data |= {"version": trigger.version}
    return Event(EventType.TRIGGER_FIRED, now, trigger.id, data, fired.happening.student)


async def delete_old(ledger: Ledger, now: int) -> None:
    """Delete, in pieces, the firings of triggers that ended 400 days ago."""
    for _ in range(_PAGES):
        async with ledger.begin() as conn:
            if not await rows.delete_old(conn, now - _KEPT_MS):
                return
