"""The bodies and responses of the endpoints of links.

Used by `links.py`. Only shapes and sizes; the rules are in core/links/links.py.
"""

from typing import Annotated, Literal

from pydantic import Field

from server.api.drops.task_models import TaskBody, TaskResponse
from server.api.http.fields import (
    Body,
    Instant,
    LocalInstant,
    Message,
    Metadata,
    Moment,
    ResponseModel,
    ShortText,
    absent,
)
from server.core.drops.drop_rules import MAX_QUANTITY
from server.core.links.links import LinkState


class LinkBody(Body):
    """`quantity`: units that the link takes of the batch. `opens_at` absent: at once; `closes_at` absent: as
    late as the batch permits. `per_student`: 1, as of every drop. `message`: shown on the card; `note`: for
    the school's staff. `prompt`: students see it on course pages and at the checkout, too."""

    channel: ShortText
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    per_student: int | None = None
    opens_at: LocalInstant | None = None
    closes_at: LocalInstant | None = None
    message: Message | None = None
    note: Message | None = None
    task: TaskBody | None = None
    prompt: bool = False
    metadata: Metadata | None = None


class LinkChangeBody(Body):
    """A change: absent fields stay. `ended` is for good; units that nobody has claimed go back. `add`: more
    units of the batch; `expected_quantity`: the quantity on the operator's screen, so that a double click
    adds once. Not together with `state` or `closes_at`."""

    state: Literal["active", "paused", "ended"] | None = None
    note: Message | None = None
    closes_at: Instant | None = None
    prompt: bool | None = None
    add: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    expected_quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None


class LinkResponse(ResponseModel):
    """quantity = remaining + claimed + returned. `opened`: visitors of its page, within 1 %. `claimed` falls
    when a unit comes back, `claimed_total` does not. `used`: coupons that were paid with, whatever became of
    the order. `reason`: why it ended."""

    id: str
    slug: str
    url: str
    batch_id: str
    drop_id: str
    channel: str
    note: str
    state: LinkState
    reason: str | None = absent()
    task: TaskResponse | None = absent()
    quantity: int
    remaining: int
    per_student: int
    opens_at: Moment
    closes_at: Moment
    opened: int
    claimed: int
    claimed_total: int
    confirmed: int
    used: int
    returned: int
    prompt: bool
    metadata: dict[str, str]
    created_by: str
    created_at: Moment


class LinkPageResponse(ResponseModel):
    links: list[LinkResponse]
    next: str | None
