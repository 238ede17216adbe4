"""Drops: their states, limits and dates, and the form in which a room sees one.

Used by flows before they write, and by everything that shows a drop. The clock is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from server.core.drops.claims import Audience
from server.core.drops.draw_cards import DrawCard, DrawPhase
from server.core.drops.tasks import Task
from server.core.ids import BatchId, DropId


class DropState(StrEnum):
    """The state of a drop. `drawing`: over, and its winners are being drawn; `aborted`: over without a draw.
    `prepared` has no stock yet. `opening` is between ledger and desk; it is not
    shown as a state of its own: an API response says `scheduled` or `open`, or fails."""

    PREPARED = "prepared"
    OPENING = "opening"
    SCHEDULED = "scheduled"
    OPEN = "open"
    SOLD_OUT = "sold_out"
    DRAWING = "drawing"
    CLOSED = "closed"
    ABORTED = "aborted"


class CloseReason(StrEnum):
    """The reason why a drop was closed."""

    ENDED = "ended"
    SOLD_OUT = "sold_out"
    STOPPED = "stopped"
    ABORTED = "aborted"  # a draw that was given up
    CANCELLED = "cancelled"  # an opening that could not be finished; students see `stopped`


class EndsBy(StrEnum):
    """The end of a drop: after its `duration`, at a time of the `clock`, or by `hand`: when somebody closes
    it or all its units are gone for good."""

    DURATION = "duration"
    CLOCK = "clock"
    HAND = "hand"


MAX_COUNTDOWN_SECONDS = 300
MAX_DURATION_SECONDS = 24 * 3600
# Nothing that is kept on the desk is without an end: a drop that nobody closes ends after 30 days.
MAX_OPEN_MS = 30 * 24 * 3600 * 1000
REOPENED_WITHIN_MS = 12 * 3600 * 1000  # half of the time that the desk keeps a closed drop
SHOWN_AFTER_CLOSE_MS = 5 * 60 * 1000  # how long a closed drop stays in `welcome`
OPENING_DEADLINE_MS = 10_000  # an opening not done by then is cancelled, its stock returned


def state_at(now: int, opens_at: int, closes_at: int, remaining: int) -> DropState:
    """Return the state of a drop that has been opened and not closed; its window is [opens_at, closes_at)."""
    if now < opens_at:
        return DropState.SCHEDULED
    if now >= closes_at:
        return DropState.CLOSED
    return DropState.OPEN if remaining > 0 else DropState.SOLD_OUT


@dataclass(frozen=True, slots=True)
class Allotment:
    """The units that one opening or top-up moved from the batch to a drop: first..last, both inclusive."""

    id: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a drop is open: [opens_at, closes_at), in ms UTC, stamped by the desk's clock.

    With `is_open_end` nobody is told of `closes_at`: it is only the last moment at which the desk sells."""

    opens_at: int
    closes_at: int
    is_open_end: bool = False

    @property
    def told_end(self) -> int | None:
        """The end as people are told; None for a drop that is open until somebody closes it."""
        return None if self.is_open_end else self.closes_at


@dataclass(frozen=True, slots=True)
class RoomDrop:
    """A drop as its room sees it: the fields of `drop_opened`, and what the gateway needs besides (shard,
    batch_id, campaign_id, per_student, audience).

    Made by flows from ledger rows, kept in the feed, and not changed in place. `discount`, `threshold`,
    `scope` and `validity` are the contract's JSON. `deducts` is empty if the discount comes off goods
    alone. `task` is whole, with the right answer of a question: students are shown its card.
    `show_winners`: the room is told masked names of who won.
    """

    id: DropId
    room: str
    shard: int
    batch_id: BatchId
    per_student: int
    audience: Audience
    name: str
    description: str
    message: str
    currency: str
    discount: Mapping[str, object]
    threshold: Mapping[str, object]
    scope: Mapping[str, object]
    validity: Mapping[str, object]
    mode: str
    quantity: int
    window: Window
    style: Mapping[str, str] = field(default_factory=dict)
    hold_seconds: int | None = None
    use_url: str | None = None
    closed_at: int | None = None
    close_reason: CloseReason | None = None
    deducts: Sequence[str] = ()
    campaign_id: str | None = None
    task: Task | None = None
    rehearsal: bool = False
    show_winners: bool = False
    draw: DrawCard | None = None
    seal: Mapping[str, object] = field(default_factory=dict)


def drawing_at(now: int, drop: RoomDrop) -> DropState:
    """Return the state of a draw that is not closed. It takes entries however few units it has."""
    state = state_at(now, drop.window.opens_at, drop.window.closes_at, 1)
    is_sealed = drop.draw is not None and drop.draw.phase is not DrawPhase.OPEN
    return DropState.DRAWING if is_sealed or state is DropState.CLOSED else state
