"""Ask for approvals, give and refuse them, and show them.

Called by flows whose subject needs a second person, in the transaction that makes the subject, and by the API
for operators. A decision and what follows from it are one transaction: the subject's flow, an `Applier`,
writes what a yes or a no does, and a worker does the rest. The lock of the subject's row keeps two decisions
apart.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.approvals.approvals import (
    Approval,
    ApprovalKind,
    ApprovalState,
    decision_refusal,
)
from server.core.event_types import Event, EventType
from server.core.instants import to_text
from server.core.refusals import Code, Refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.ledger import acts, event_log
from server.ledger.approvals import approvals as rows
from server.ledger.engine import Ledger

_AT_ONCE: Final = 100
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
    ledger: Ledger,
    appliers: Appliers,
    approval_id: str,
    *,
    decision: Decision,
    waits_ms: int,
    now: int,
) -> Approval | Refused:
    """Approve or refuse, and return the approval as it is then. Repeatable. `waits_ms`: how long an approval
    waits; 0: for ever.

    Refuses with not_found; wrong_role for who asked; wrong_state where somebody has decided otherwise, where
    it has expired, and where its subject can no longer be carried out.
    """
    async with ledger.begin() as conn:
        found = await rows.find(conn, approval_id)
        if found is None:
            raise Abort(Refused(Code.NOT_FOUND))
        abort_if(decision_refusal(found, decision.actor, decision.state, now, waits_ms))
        if found.state is not ApprovalState.WAITING:
            return found
        if await appliers[found.kind](conn, found, decision.is_yes, now):
            await _write(conn, found, decision, now)
        # Where it did not wait, somebody else has decided since we looked.
        after = await rows.find(conn, approval_id)
        assert after is not None  # approvals are never deleted
        abort_if(decision_refusal(after, decision.actor, decision.state, now, waits_ms))
    return after


async def _write(conn: AsyncConnection, approval: Approval, decision: Decision, now: int) -> None:
    await rows.decide(conn, approval.id, decision.state, decision.actor, decision.note, now)
    action = Action.APPROVAL_GIVEN if decision.is_yes else Action.APPROVAL_REFUSED
    what = {"about": approval.subject, "note": decision.note}
    await acts.write_act(conn, decision.actor, action, approval.id, now, **what)


async def expire(ledger: Ledger, appliers: Appliers, actor: str, waits_ms: int, now: int) -> int:
    """End the approvals that have waited for `waits_ms` (0: for ever), and refuse what waited for them.

    Returns how many. Repeatable, by any number of workers. LedgerUnavailableError is passed on.
    """
    if not waits_ms:
        return 0
    async with ledger.read() as conn:
        overdue = await rows.waiting_since(conn, now - waits_ms, _AT_ONCE)
    expired = 0
    for found in overdue:
        async with ledger.begin() as conn:
            # With the lock of the subject: somebody may decide at the same moment.
            if await appliers[found.kind](conn, found, False, now):
                await _expire(conn, found, actor, now)
                expired += 1
    return expired


async def _expire(conn: AsyncConnection, approval: Approval, actor: str, now: int) -> None:
    await rows.decide(conn, approval.id, ApprovalState.EXPIRED, actor, "", now)
    about = {"kind": approval.kind.value, "about": approval.subject}
    await acts.write_act(conn, actor, Action.APPROVAL_EXPIRED, approval.id, now, **about)
    asked = {"asked_by": approval.asked_by, "asked_at": to_text(approval.asked_at)}
    event = Event(EventType.APPROVAL_EXPIRED, now, approval.id, {**about, **asked})
    await event_log.record(conn, [event])


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
