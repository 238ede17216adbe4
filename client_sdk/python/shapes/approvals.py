"""Approvals: what an operator may do only after another one has agreed."""

from typing import Literal, NotRequired, TypedDict

ApprovalState = Literal["waiting", "approved", "rejected", "withdrawn", "expired"]


class Approval(TypedDict):
    """A request that waits for a second operator, or did. `about`: its id. `over`: the limits that it is
    over, of `students` and `amount`. `students` null: nobody knows yet how many; `amount` null: nothing
    bounds it. `expires_at`: until when it waits; null: for ever, or it waits no more.
    """

    id: str
    kind: Literal["issuance"]
    state: ApprovalState
    about: str
    batch_id: NotRequired[str]
    pack_id: NotRequired[str]
    reason: str
    over: list[str]
    students: int | None
    amount: int | None
    currency: str
    asked_by: str
    asked_at: str
    decided_by: str | None
    decided_at: str | None
    note: str
    expires_at: str | None


class SendLimits(TypedDict):
    """The most that one operator may send alone. Null: anything."""

    students: int | None
    amount: int | None


class Approvals(TypedDict):
    """A page of approvals. `next` is null on the last page."""

    approvals: list[Approval]
    limits: SendLimits
    next: str | None
