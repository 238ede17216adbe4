"""Links: ways to claim outside a room, as operators see them, and the card that visitors see."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.drops import Drop
from client_sdk.python.shapes.tasks import Task, TaskForm

LinkState = Literal["active", "paused", "exhausted", "ended"]


class LinkForm(TypedDict):
    """A new link of a batch. `per_student` can only be 1. `message` is on the card, `note` for the staff.
    `prompt`: students see it on course pages and at the checkout, too.
    """

    channel: str
    quantity: int
    per_student: NotRequired[int | None]
    opens_at: NotRequired[str | None]
    closes_at: NotRequired[str | None]
    task: NotRequired[TaskForm | None]
    message: NotRequired[str | None]
    note: NotRequired[str | None]
    prompt: NotRequired[bool]
    metadata: NotRequired[dict[str, str] | None]


class LinkEdit(TypedDict, total=False):
    """Changes of a link; what is left out stays. `ended` is for good. `add`: more units of its batch, if its
    quantity is `expected_quantity`; not together with `state` or `closes_at`."""

    state: Literal["active", "paused", "ended"] | None
    note: str | None
    closes_at: str | None
    prompt: bool | None
    add: int | None
    expected_quantity: int | None


class Link(TypedDict):
    """A link with its counts: quantity = remaining + claimed + returned. `reason`: why it ended."""

    id: str
    slug: str
    url: str
    batch_id: str
    drop_id: str
    channel: str
    note: str
    state: LinkState
    reason: NotRequired[str]
    task: NotRequired[Task]
    quantity: int
    remaining: int
    per_student: int
    opens_at: str
    closes_at: str
    opened: int
    claimed: int
    claimed_total: int
    confirmed: int
    used: int
    returned: int
    prompt: bool
    metadata: dict[str, str]
    created_by: str
    created_at: str


class Links(TypedDict):
    """A page of links, newest first."""

    links: list[Link]
    next: str | None


class LinkCard(TypedDict):
    """The part of a link that anybody may see. `drop` is as in `drop_opened`."""

    slug: str
    state: LinkState
    reason: NotRequired[str]
    opens_at: str
    closes_at: str
    drop: Drop


class Ticket(TypedDict):
    """A ticket of the changing QR code of a drop. `svg` is the code of `url`, to be shown until
    `changes_at`."""

    ticket: str
    url: str
    svg: str
    changes_at: str
    good_until: str


class TicketCard(TypedDict):
    """The drop of a ticket, as anybody may see it while the ticket is good."""

    room: str
    good_until: str
    drop: Drop
