"""Raise an alert for what is wrong, and end those whose fault is gone.

Called by a worker; any number of workers may look at once. A round is one transaction: a unique index lets
one of two workers raise an alert, and an UPDATE of what has not ended lets one end it.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.alerts.alerts import KEPT_MS, SLOW, Alert, AlertKind, Fault
from server.core.event_types import Event, EventType
from server.core.jobs import JobState
from server.flows.consistency.examine import newest_examinations
from server.ledger import event_log
from server.ledger.alerts import alerts
from server.ledger.alerts.faults import read_faults
from server.ledger.alerts.slow_faults import read_slow_faults
from server.ledger.engine import Ledger


async def watch_alerts(ledger: Ledger, paused_by: str, now: int) -> None:
    """Compare what is wrong with the alerts that there are. LedgerUnavailableError is passed on."""
    books = await _books(ledger)
    async with ledger.begin() as conn:
        faults = [*await read_faults(conn, now, paused_by), *books]
        await _compare(conn, frozenset(AlertKind) - SLOW, faults, now)


async def watch_slow_alerts(ledger: Ledger, now: int) -> None:
    """Do the same for the kinds that take sums over many rows, which are read before anything is locked."""
    async with ledger.read() as conn:
        faults = await read_slow_faults(conn, now)
    async with ledger.begin() as conn:
        await _compare(conn, SLOW, faults, now)


async def _compare(
    conn: AsyncConnection, kinds: frozenset[AlertKind], faults: Sequence[Fault], now: int
) -> None:
    """Raise, change and end the alerts of these kinds, so that they are those of the faults."""
    present = await alerts.present(conn)
    known = {(one.fault.kind, one.fault.subject): one for one in present if one.fault.kind in kinds}
    events = []
    for fault in faults:
        alert = known.pop((fault.kind, fault.subject), None)
        if alert is None:
            raised = await alerts.raise_alert(conn, fault, now)
            if raised is not None:
                new = Alert(raised, fault, now)
                events.append(alert_event(EventType.ALERT_RAISED, new, now))
        elif fault != alert.fault:
            await alerts.change(conn, alert, fault)
    ended = [one for one in known.values() if await alerts.end(conn, one.id, None, now)]
    events += [alert_event(EventType.ALERT_ENDED, one, now) for one in ended]
    await event_log.record(conn, events)


async def _books(ledger: Ledger) -> list[Fault]:
    """Return what the newest look at desk and ledger has found; nothing while another one is under way."""
    newest = (await newest_examinations(ledger)).job
    if newest is None or newest.state is not JobState.DONE or newest.report is None:
        return []
    counts = newest.report.get("counts")
    findings = sum(counts.values()) if isinstance(counts, dict) else 0
    if not findings:
        return []
    return [Fault(AlertKind.BOOKS_DIFFER, "consistency", 1, "consistency", amount=findings)]


async def delete_old(ledger: Ledger, now: int) -> None:
    """Delete alerts that ended 90 days ago."""
    async with ledger.begin() as conn:
        await alerts.delete_old(conn, now - KEPT_MS)


def alert_event(kind: EventType, alert: Alert, now: int) -> Event:
    """Return the event that tells of the alert."""
    fault = alert.fault
    data = {"kind": fault.kind.value, "about": fault.subject, "level": fault.level}
    return Event(kind, now, alert.id, data | {"name": fault.name})
