"""Approvals as rows.

Called by flows/approvals and, for reading, by the API.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.approvals.approvals import Approval, ApprovalKind, ApprovalState
from server.ledger.tables import approvals


async def insert_approval(conn: AsyncConnection, approval: Approval) -> None:
    await conn.execute(insert(approvals).values(asdict(approval)))


async def find(conn: AsyncConnection, approval_id: str) -> Approval | None:
    row = (await conn.execute(select(approvals).where(approvals.c.id == approval_id))).first()
    return _approval(row) if row else None


async def find_of(conn: AsyncConnection, subject: str) -> Approval | None:
    """Return the approval of this subject."""
    row = (await conn.execute(select(approvals).where(approvals.c.subject == subject))).first()
    return _approval(row) if row else None


async def page(
    conn: AsyncConnection, state: ApprovalState | None, after: str | None, limit: int
) -> list[Approval]:
    """Return a page of approvals, newest first, from behind `after`; of that state where one is given."""
    query = select(approvals)
    if state is not None:
        query = query.where(approvals.c.state == state.value)
    if after is not None:
        query = query.where(approvals.c.id < after)
    rows = await conn.execute(query.order_by(approvals.c.id.desc()).limit(limit))
    return [_approval(row) for row in rows]


async def waiting_since(conn: AsyncConnection, before: int, limit: int) -> list[Approval]:
    """Return approvals that wait and were asked for until `before` (ms), oldest first."""
    query = select(approvals).where(
        text("state = 'waiting'"),
        approvals.c.asked_at <= before,  # as the partial index has it
    )
    rows = await conn.execute(query.order_by(approvals.c.id).limit(limit))
    return [_approval(row) for row in rows]


async def decide(
    conn: AsyncConnection, approval_id: str, state: ApprovalState, actor: str, note: str, now: int
) -> None:
    """Write the decision. The caller has locked its subject; it waits."""
    await conn.execute(
        update(approvals)
        .where(approvals.c.id == approval_id)
        .values(state=state.value, decided_by=actor, decided_at=now, note=note)
    )


def _approval(row: Row[Any]) -> Approval:
    fields = dict(row._mapping)
    fields["kind"] = ApprovalKind(fields["kind"])
    fields["state"] = ApprovalState(fields["state"])
    return Approval(**fields)
