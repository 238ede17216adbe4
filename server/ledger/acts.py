"""Acts as rows. They are only inserted: a trigger refuses to change or delete one (tables/append_only.py).

Called by flows inside the transaction that does what the act reports, so that neither exists without the
other. Read by the API.
"""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Act, Action
from server.ids import new_id
from server.ledger.tables import acts


async def write_act(
    conn: AsyncConnection,
    actor: str,
    action: Action,
    subject: str,
    now: int,
    **detail: object,
) -> None:
    """Insert an act. `now` is in ms; `detail` must be JSON values."""
    who: dict[str, object] = {"id": new_id("act"), "at": now, "actor": actor}
    what = {"action": action.value, "subject": subject, "detail": detail}
    await conn.execute(_ADDED, who | what)


_ADDED = insert(acts)


async def page_of_acts(
    conn: AsyncConnection, actor: str | None, subject: str | None, limit: int, after: str | None
) -> list[Act]:
    """Return a page of acts, newest first, that begins after the act `after`. `actor` and `subject` restrict
    it if they are given.
    """
    query = select(acts)
    if actor is not None:
        query = query.where(acts.c.actor == actor)
    if subject is not None:
        query = query.where(acts.c.subject == subject)
    if after is not None:
        query = query.where(acts.c.id < after)
    found = await conn.execute(query.order_by(acts.c.id.desc()).limit(limit))
    return [
        Act(row.id, row.at, row.actor, Action(row.action), row.subject, row.detail) for row in found
    ]
