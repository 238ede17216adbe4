"""Acts as rows. They are only inserted: a trigger refuses to change or delete one (tables/append_only.py).

Called by flows inside the transaction that does what the act reports, so that neither exists without the
other. Read by the API.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Act, Action
from server.core.event_types import Event, EventType
from server.ids import lowest_id, new_id
from server.ledger import deferred, event_log
from server.ledger.tables import acts


async def write_act(
    conn: AsyncConnection,
    actor: str,
    action: Action,
    subject: str,
    now: int,
    **detail: object,
) -> None:
    """Insert an act, and record its event, at the end of the transaction. `now` is in ms; `detail` must be
    JSON values.
    """
    who: dict[str, object] = {"id": new_id("act"), "at": now, "actor": actor}
    what = {"action": action.value, "subject": subject, "detail": detail}
    await deferred.later(conn, _ADDED.values(who | what))
    told = {"act_id": who["id"], "actor": actor, "action": action.value, "detail": detail}
    await event_log.record(conn, [Event(EventType.ACT_RECORDED, now, subject, told)])


_ADDED = insert(acts)


@dataclass(frozen=True, slots=True)
class ActFilter:
    """The acts that are wanted; None: no matter. `since` and `until` in ms, [since, until)."""

    actor: str | None = None
    subject: str | None = None
    actions: Sequence[Action] | None = None
    since: int | None = None
    until: int | None = None


async def page_of_acts(
    conn: AsyncConnection, wanted: ActFilter, limit: int, after: str | None
) -> list[Act]:
    """Return a page of acts, newest first, that begins after the act `after`."""
    query = select(acts).where(*_conditions(wanted))
    if after is not None:
        query = query.where(acts.c.id < after)
    found = await conn.execute(query.order_by(acts.c.id.desc()).limit(limit))
    return [
        Act(row.id, row.at, row.actor, Action(row.action), row.subject, row.detail) for row in found
    ]


def _conditions(wanted: ActFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.actor is not None:
        yield acts.c.actor == wanted.actor
    if wanted.subject is not None:
        yield acts.c.subject == wanted.subject
    if wanted.actions is not None:
        yield acts.c.action.in_([action.value for action in wanted.actions])
    # An id begins with the time at which it was made, moments after `at`: it bounds what an index reads.
    if wanted.since is not None:
        yield acts.c.id > lowest_id("act", max(0, wanted.since - _SLACK_MS))
        yield acts.c.at >= wanted.since
    if wanted.until is not None:
        yield acts.c.id < lowest_id("act", max(0, wanted.until + _SLACK_MS))
        yield acts.c.at < wanted.until


_SLACK_MS: Final = 600_000
