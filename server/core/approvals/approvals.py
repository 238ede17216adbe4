"""Approvals: what an operator may do only after another one has agreed.

Used by flows/approvals. What waits is there already, and does nothing until the second person says yes. The
subject's own flow decides what a yes or a no does to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.refusals import Code, Refused

MAX_NOTE: Final = 200


class ApprovalKind(StrEnum):
    """The kind of what waits. `issuance`: a send to many students, or of much money."""

    ISSUANCE = "issuance"


class ApprovalState(StrEnum):
    """`withdrawn`: whoever asked has taken it back before anybody decided. `expired`: nobody decided in
    time."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One request. `facts`: why it needs a second person, for whoever decides. `plan`: what the flow of its
    subject needs to carry it out. Instants in ms."""

    id: str
    kind: ApprovalKind
    subject: str
    state: ApprovalState
    facts: Mapping[str, object]
    plan: Mapping[str, object] = field(default_factory=dict)
    asked_by: str
    asked_at: int
    decided_by: str | None = None
    decided_at: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class SendLimits:
    """The most that one operator may send alone: coupons for so many students, and worth so much at
    most, in minor units of their currency. 0: no limit of that kind."""

    students: int = 0
    amount: int = 0


NO_LIMITS: Final = SendLimits()


def over_limits(limits: SendLimits, students: int | None, each: int | None) -> list[str]:
    """Return the names of the limits that a send is over.

    `students` None: nobody knows how many there will be. `each`: the most that the coupons of one student
    take off; None: nothing bounds it. What is not known is over a limit.
    """
    over = []
    if limits.students and (students is None or students > limits.students):
        over.append("students")
    amount = greatest_amount(students, each)
    if limits.amount and (amount is None or amount > limits.amount):
        over.append("amount")
    return over


def greatest_amount(students: int | None, each: int | None) -> int | None:
    """Return what a send costs at most; None where nothing bounds it."""
    return None if students is None or each is None else students * each


def expires_at(approval: Approval, waits_ms: int) -> int | None:
    """Return when the approval expires (ms); None where it does not wait, or for ever (`waits_ms` 0)."""
    if approval.state is not ApprovalState.WAITING or not waits_ms:
        return None
    return approval.asked_at + waits_ms


def decision_refusal(
    approval: Approval, actor: str, wanted: ApprovalState, now: int, waits_ms: int
) -> Refused | None:
    """Return why `actor` may not decide like that; None if they may, also once more. `waits_ms`: how long an
    approval waits; one that has waited as long has expired, though no worker has seen it yet."""
    if actor == approval.asked_by:
        return Refused(Code.WRONG_ROLE, "somebody else than who asked has to decide")
    ends_at = expires_at(approval, waits_ms)
    if ends_at is not None and now >= ends_at:
        state = ApprovalState.EXPIRED.value
        return Refused(Code.WRONG_STATE, f"it is {state}", {"state": state})
    if approval.state in (ApprovalState.WAITING, wanted):
        return None
    detail = f"it is {approval.state}"
    return Refused(Code.WRONG_STATE, detail, {"state": approval.state.value})
