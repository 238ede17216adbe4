"""Alerts as rows. Called by flows/alerts inside their transactions, and by the API for reading.

That only one alert of a kind has not ended for a subject is a unique index, so two workers cannot raise two.
"""

from typing import Any, Final

from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.alerts.alerts import Alert, AlertKind, AlertState, Fault
from server.ids import new_id
from server.ledger.bulk import insert_into
from server.ledger.tables import alerts

_A = alerts.c
_FACTS: Final = ("name", "amount", "left", "currency", "reason")
_STATES: Final = {
    AlertState.OPEN: _A.ended_at.is_(None) & _A.dismissed_by.is_(None),
    AlertState.DISMISSED: _A.ended_at.is_(None) & _A.dismissed_by.is_not(None),
    AlertState.ENDED: _A.ended_at.is_not(None),
}


async def raise_alert(conn: AsyncConnection, fault: Fault, now: int) -> str | None:
    """Insert the alert and return its id; None: another worker has raised it."""
    alert_id = new_id("alr")
    row = {"id": alert_id, "kind": fault.kind.value, "subject": fault.subject, "raised_at": now}
    row |= _changing(fault)
    added = await conn.execute(
        insert_into(conn.dialect, alerts).values(row).on_conflict_do_nothing().returning(_A.id)
    )
    return alert_id if added.first() is not None else None


async def change(conn: AsyncConnection, alert: Alert, fault: Fault) -> None:
    """Write how it is now; one that got worse is shown again."""
    columns = _changing(fault)
    if fault.level > alert.fault.level:
        columns["dismissed_by"] = None
    await conn.execute(update(alerts).where(_A.id == alert.id).values(columns))


async def end(conn: AsyncConnection, alert_id: str, by: str | None, now: int) -> bool:
    """End the alert; False: it has ended."""
    is_present = (_A.id == alert_id) & _A.ended_at.is_(None)
    ended = await conn.execute(update(alerts).where(is_present).values(ended_at=now, ended_by=by))
    return ended.rowcount == 1


async def dismiss(conn: AsyncConnection, alert_id: str, by: str) -> bool:
    """Hide the alert; False: it has ended."""
    is_present = (_A.id == alert_id) & _A.ended_at.is_(None)
    hidden = await conn.execute(update(alerts).where(is_present).values(dismissed_by=by))
    return hidden.rowcount == 1


async def begin_act(conn: AsyncConnection, alert_id: str, now: int, until: int) -> bool:
    """Keep other acts away until `until` (ms); False: one is being carried out, or the alert has ended."""
    is_free = (_A.id == alert_id) & _A.ended_at.is_(None) & (_A.acting_until <= now)
    begun = await conn.execute(update(alerts).where(is_free).values(acting_until=until))
    return begun.rowcount == 1


async def give_up_act(conn: AsyncConnection, alert_id: str) -> None:
    """Let the next act begin."""
    await conn.execute(update(alerts).where(_A.id == alert_id).values(acting_until=0))


async def find(conn: AsyncConnection, alert_id: str) -> Alert | None:
    """Return the alert."""
    row = (await conn.execute(select(alerts).where(_A.id == alert_id))).first()
    return _alert(row) if row else None


async def present(conn: AsyncConnection) -> list[Alert]:
    """Return all alerts that have not ended."""
    return [_alert(row) for row in await conn.execute(select(alerts).where(_A.ended_at.is_(None)))]


async def page(
    conn: AsyncConnection, state: AlertState, limit: int, after: str | None
) -> list[Alert]:
    """Return a page of alerts in this state, newest first, that begins after the alert `after`."""
    query = select(alerts).where(_STATES[state])
    if after is not None:
        query = query.where(_A.id < after)
    return [_alert(row) for row in await conn.execute(query.order_by(_A.id.desc()).limit(limit))]


async def delete_old(conn: AsyncConnection, before: int) -> None:
    """Delete the alerts that ended before `before` (ms)."""
    await conn.execute(delete(alerts).where(_A.ended_at < before))


def _changing(fault: Fault) -> dict[str, Any]:
    return {"level": fault.level, "facts": {name: getattr(fault, name) for name in _FACTS}}


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id,
        fault=Fault(AlertKind(row.kind), row.subject, row.level, **row.facts),
        raised_at=row.raised_at,
        dismissed_by=row.dismissed_by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
    )
