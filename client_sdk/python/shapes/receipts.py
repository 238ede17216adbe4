"""Receipts: the seal of a closed drop (`drops.DropSeal`) with the path of one's own claim in it."""

from typing import NotRequired, TypedDict

from client_sdk.python.shapes.claims import Why


class OwnReceipt(TypedDict):
    """The student's own claim in the tree. `turn` above 1: the unit came back and was given again.

    Without `student` and `salt` the account was merged after its claim.
    """

    unit: int
    turn: int
    won_at: str
    student: NotRequired[str]
    salt: NotRequired[str]
    leaf: str
    index: int
    path: list[str]


class Receipt(TypedDict):
    """The receipt of a drop. `own` is that of the student who asks, `why` the reason where they have none;
    `leaves` only where asked for."""

    drop_id: str
    root: str
    count: int
    stock: int
    came_back: int
    given_again: int
    seal: str
    previous: NotRequired[str]
    closed_at: str
    sealed_at: str
    own: NotRequired[OwnReceipt]
    why: NotRequired[Why]
    leaves: NotRequired[list[str]]
