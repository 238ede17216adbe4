"""Triggers as rows: their versions, how far each has come, and what has fired.

Called by flows/events/triggers.py and fire_triggers.py inside their transactions. One transaction at a time
fires: it has locked the position of READER.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Select,
    String,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from server.core.events.triggers import Limits, Trigger, TriggerForm, TriggerState
from server.ledger.bulk import insert_into, is_among, table_of
from server.ledger.tables import trigger_days, trigger_firings, trigger_versions, triggers

READER: Final = "triggers"
DELETED_AT_ONCE: Final = 5_000
_T, _F = triggers.c, trigger_firings.c
_FIRINGS: Final[Mapping[str, TypeEngine[Any]]] = {
    "trigger_id": String(),
    "event_id": String(),
    "student": String(),
    "n": BigInteger(),
    "version": BigInteger(),
    "issuance_id": String(),
    "at": BigInteger(),
}
Firing = tuple[str, str, str, int, int, str, int]  # the columns of _FIRINGS


async def insert_first(conn: AsyncConnection, trigger: Trigger, actor: str) -> None:
    """Insert a trigger and its first version."""
    row = {
        "id": trigger.id,
        "version": trigger.version,
        "state": trigger.state.value,
        "created_at": trigger.created_at,
    }
    await conn.execute(insert(triggers).values(row))
    await _insert_version(conn, trigger, actor, trigger.created_at)


async def insert_next(conn: AsyncConnection, trigger: Trigger, actor: str, now: int) -> None:
    """Insert the next version and make it the current one. The caller has locked the trigger."""
    await conn.execute(update(triggers).where(_T.id == trigger.id).values(version=trigger.version))
    await _insert_version(conn, trigger, actor, now)


async def _insert_version(conn: AsyncConnection, trigger: Trigger, actor: str, now: int) -> None:
    row = {
        "trigger_id": trigger.id,
        "version": trigger.version,
        "form": asdict(trigger.form),
        "created_by": actor,
        "created_at": now,
    }
    await conn.execute(insert(trigger_versions).values(row))


async def store_progress(conn: AsyncConnection, trigger: Trigger) -> None:
    """Write the state, what has fired, and how far the trigger has come."""
    row = {
        "state": trigger.state.value,
        "fired": trigger.fired,
        "live_from": trigger.live_from,
        "catch_up_from": trigger.catch_up_from,
        "paused_seq": trigger.paused_seq,
    }
    await conn.execute(update(triggers).where(_T.id == trigger.id).values(row))


async def store_end(conn: AsyncConnection, trigger_id: str, now: int) -> None:
    """Write that the trigger never fires again."""
    row = {"state": TriggerState.ENDED.value, "ended_at": now, "catch_up_from": None}
    await conn.execute(update(triggers).where(_T.id == trigger_id).values(row))


async def add_fired(conn: AsyncConnection, trigger_id: str, count: int) -> None:
    """Count firings."""
    more = update(triggers).where(_T.id == trigger_id).values(fired=_T.fired + count)
    await conn.execute(more)


async def move_catch_up(conn: AsyncConnection, trigger_id: str, seq: int | None) -> None:
    """Write how far the trigger has caught up; None: it has."""
    await conn.execute(update(triggers).where(_T.id == trigger_id).values(catch_up_from=seq))


async def is_catching_up(conn: AsyncConnection) -> bool:
    """Return whether an active trigger has something to catch up."""
    query = select(_T.id).where(
        _T.state == TriggerState.ACTIVE.value, _T.catch_up_from.is_not(None)
    )
    return await conn.scalar(query.limit(1)) is not None


async def find(conn: AsyncConnection, trigger_id: str) -> Trigger | None:
    """Return the trigger with its current version."""
    row = (await conn.execute(_current().where(_T.id == trigger_id))).mappings().first()
    return _trigger(row) if row else None


async def find_for_update(conn: AsyncConnection, trigger_id: str) -> Trigger | None:
    """Return the trigger and lock its row until the transaction ends."""
    query = select(_T.id).where(_T.id == trigger_id).with_for_update()
    if await conn.scalar(query) is None:
        return None
    return await find(conn, trigger_id)


async def page(conn: AsyncConnection, limit: int, after: str | None) -> list[Trigger]:
    """Return a page of triggers, newest first, that begins after the trigger `after`."""
    query = _current().order_by(_T.id.desc()).limit(limit)
    if after is not None:
        query = query.where(_T.id < after)
    return [_trigger(row) for row in (await conn.execute(query)).mappings()]


async def active(conn: AsyncConnection) -> list[Trigger]:
    """Return all active triggers, in the order of their ids."""
    query = _current().where(_T.state == TriggerState.ACTIVE.value).order_by(_T.id)
    return [_trigger(row) for row in (await conn.execute(query)).mappings()]


async def active_for_update(conn: AsyncConnection) -> list[Trigger]:
    """Return all active triggers, their rows locked until the transaction ends, in the order of their ids.

    A pause that came first is seen, and one that comes later waits.
    """
    is_active = _T.state == TriggerState.ACTIVE.value
    await conn.execute(select(_T.id).where(is_active).order_by(_T.id).with_for_update())
    return await active(conn)


def _current() -> Select[*tuple[Any, ...]]:
    is_current = and_(
        trigger_versions.c.trigger_id == _T.id, trigger_versions.c.version == _T.version
    )
    return select(triggers, trigger_versions.c.form).join(trigger_versions, is_current)


def _trigger(row: RowMapping) -> Trigger:
    form = dict(row["form"])
    return Trigger(
        id=row["id"],
        version=row["version"],
        state=TriggerState(row["state"]),
        form=TriggerForm(**{**form, "limits": Limits(**form["limits"])}),
        created_at=row["created_at"],
        fired=row["fired"],
        live_from=row["live_from"],
        catch_up_from=row["catch_up_from"],
        paused_seq=row["paused_seq"],
    )


# --- firings --------------------------------------------------------------------------------------


async def fired_events(
    conn: AsyncConnection, trigger_id: str, event_ids: Collection[str]
) -> set[str]:
    """Return those of these events that have fired the trigger already."""
    query = select(_F.event_id).where(
        _F.trigger_id == trigger_id, is_among(conn, _F.event_id, event_ids)
    )
    return set(await conn.scalars(query))


async def fired_for(
    conn: AsyncConnection, trigger_id: str, students: Collection[str]
) -> dict[str, int]:
    """Return how often the trigger has fired for those of these students for whom it has."""
    query = (
        select(_F.student, func.max(_F.n))
        .where(_F.trigger_id == trigger_id, is_among(conn, _F.student, students))
        .group_by(_F.student)
    )
    return {student: int(n) for student, n in await conn.execute(query)}


async def fired_on(conn: AsyncConnection, trigger_id: str, days: Collection[int]) -> dict[int, int]:
    """Return how often the trigger has fired on those of these days on which it has."""
    query = select(trigger_days.c.day, trigger_days.c.fired).where(
        trigger_days.c.trigger_id == trigger_id, trigger_days.c.day.in_(days)
    )
    return {day: int(fired) for day, fired in await conn.execute(query)}


async def insert_firings(conn: AsyncConnection, firings: Sequence[Firing]) -> None:
    """Insert firings. A conflict is an IntegrityError: an event fires a trigger once."""
    given = table_of(conn, _FIRINGS, firings)
    rows = select(*given.c).where(true())
    await conn.execute(insert(trigger_firings).from_select(list(_FIRINGS), rows))


async def add_to_day(conn: AsyncConnection, trigger_id: str, day: int, count: int) -> None:
    """Count firings on a day."""
    added = insert_into(conn.dialect, trigger_days).values(
        trigger_id=trigger_id, day=day, fired=count
    )
    more = trigger_days.c.fired + added.excluded.fired
    await conn.execute(
        added.on_conflict_do_update(index_elements=["trigger_id", "day"], set_={"fired": more})
    )


async def delete_old(conn: AsyncConnection, before: int) -> int:
    """Delete a piece of the firings of triggers that ended before `before` (ms); return how many."""
    ended = select(_T.id).where(_T.state == TriggerState.ENDED.value, _T.ended_at < before)
    some = (
        select(_F.trigger_id, _F.event_id)
        .where(_F.trigger_id.in_(ended))
        .limit(literal(DELETED_AT_ONCE))
    )
    is_old = tuple_(_F.trigger_id, _F.event_id).in_(some)
    return (await conn.execute(delete(trigger_firings).where(is_old))).rowcount
