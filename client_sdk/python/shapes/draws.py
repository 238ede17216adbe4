"""Draws: the proof document, and a student's own entry."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.claims import DrawReceipt
from client_sdk.python.shapes.drops import DropState


class Draw(TypedDict):
    """The proof of a draw: all that is needed to check it (`draws.verify_draw`).

    `root` and `count` are null until the entries are sealed, `seed` until they are drawn or the draw is
    aborted. `leaves` of all entries, in their order; `winners`: indexes of leaves, in the order of the draw.
    `beacon`: of a public beacon, where the draw had one.
    """

    drop_id: str
    state: DropState
    commitment: str
    seed: str | None
    root: str | None
    count: int | None
    units: int | None
    leaves: list[str]
    winners: list[int]
    beacon: NotRequired[str]
    abort_reason: NotRequired[str]


class DrawEntry(TypedDict):
    """The student's own entry. `result` is `entered` while nobody knows."""

    receipt: DrawReceipt
    result: Literal["entered", "won", "not_drawn"]
