"""Acts as rows, which are only ever added: the database itself refuses to change or delete one (tables/).

Called by flows inside the transaction of what an act tells of, so that neither is there without the other;
read by the API.
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
    """`detail` is what JSON can hold."""
    who: dict[str, object] = {"id": new_id("act"), "at": now, "actor": actor}
    what = {"action": action.value, "subject": subject, "detail": detail}
    await conn.execute(_ADDED, who | what)


_ADDED = insert(acts)


async def page_of_acts(
    conn: AsyncConnection, actor: str | None, subject: str | None, limit: int, after: str | None
) -> list[Act]:
    """Newest first, from behind the act `after`; of everybody and everything where None."""
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
