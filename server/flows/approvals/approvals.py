"""Ask for approvals, give and refuse them, and show them.

Called by flows whose subject needs a second person, in the transaction that makes the subject, and by the API
for operators. A decision and what follows from it are one transaction: the subject's flow, an `Applier`,
writes what a yes or a no does, and a worker does the rest. The lock of the subject's row keeps two decisions
apart.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.approvals.approvals import (
    Approval,
    ApprovalKind,
    ApprovalState,
    decision_refusal,
)
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.ledger import acts
from server.ledger.approvals import approvals as rows
from server.ledger.engine import Ledger

Applier = Callable[[AsyncConnection, Approval, bool, int], Awaitable[bool]]
"""Write what a yes (True) or a no does to the approval's subject at that time (ms); return whether it still
waited, with its row locked. May Abort."""
Appliers = Mapping[ApprovalKind, Applier]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of a second operator."""

    actor: str
    is_yes: bool
    note: str = ""

    @property
    def state(self) -> ApprovalState:
        return ApprovalState.APPROVED if self.is_yes else ApprovalState.REJECTED


async def ask(conn: AsyncConnection, approval: Approval) -> None:
    """Insert an approval that waits, in the transaction that makes its subject."""
    await rows.insert_approval(conn, approval)
    about = {"kind": approval.kind.value, "about": approval.subject, **approval.facts}
    await acts.write_act(
        conn, approval.asked_by, Action.APPROVAL_ASKED, approval.id, approval.asked_at, **about
    )


async def withdraw(conn: AsyncConnection, subject: str, actor: str, now: int) -> None:
    """End the wait of a subject's approval, because the subject has been ended; nothing where none waits.

    The caller has locked the subject, as whoever decides does first.
    """
    found = await rows.find_of(conn, subject)
    if found is not None and found.state is ApprovalState.WAITING:
        await rows.decide(conn, found.id, ApprovalState.WITHDRAWN, actor, "", now)
        await acts.write_act(conn, actor, Action.APPROVAL_WITHDRAWN, found.id, now, about=subject)


@returns_refusal
async def decide(
    ledger: Ledger, appliers: Appliers, approval_id: str, decision: Decision, now: int
) -> Approval | Refused:
    """Approve or refuse, and return the approval as it is then. Repeatable.

    Refuses with not_found; wrong_role for who asked; wrong_state where somebody has decided otherwise, and
    where its subject can no longer be carried out.
    """
    async with ledger.begin() as conn:
        found = await rows.find(conn, approval_id)
        if found is None:
            raise Abort(Refused(Code.NOT_FOUND))
        abort_if(decision_refusal(found, decision.actor, decision.state))
        if found.state is not ApprovalState.WAITING:
            return found
        if await appliers[found.kind](conn, found, decision.is_yes, now):
            await _write(conn, found, decision, now)
        # Where it did not wait, somebody else has decided since we looked.
        after = await rows.find(conn, approval_id)
        assert after is not None  # approvals are never deleted
        abort_if(decision_refusal(after, decision.actor, decision.state))
    return after


async def _write(conn: AsyncConnection, approval: Approval, decision: Decision, now: int) -> None:
    await rows.decide(conn, approval.id, decision.state, decision.actor, decision.note, now)
    action = Action.APPROVAL_GIVEN if decision.is_yes else Action.APPROVAL_REFUSED
    what = {"about": approval.subject, "note": decision.note}
    await acts.write_act(conn, decision.actor, action, approval.id, now, **what)


async def find_of(ledger: Ledger, subject: str) -> Approval | None:
    """Return the approval of this subject, or None."""
    async with ledger.read() as conn:
        return await rows.find_of(conn, subject)


async def show(ledger: Ledger, approval_id: str) -> Approval | Refused:
    """Return the approval; not_found."""
    async with ledger.read() as conn:
        return await rows.find(conn, approval_id) or Refused(Code.NOT_FOUND)


async def list_approvals(
    ledger: Ledger, state: ApprovalState | None, after: str | None, limit: int
) -> list[Approval]:
    """Return a page of approvals, newest first; of that state where one is given."""
    async with ledger.read() as conn:
        return await rows.page(conn, state, after, limit)
