"""Bodies, queries and responses of /v1/issuances. Used by issuances.py alone."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from server.api.http.fields import (
    Body,
    Id,
    LocalInstant,
    Message,
    Metadata,
    Moment,
    NotEmpty,
    Readable,
    ResponseModel,
    Student,
    absent,
)
from server.api.http.paging import PageQuery
from server.core.coupons.issuances import (
    MAX_NAMED,
    MAX_REASON,
    IssuanceSource,
    IssuanceState,
    ItemOutcome,
)
from server.core.coupons.recurrence import MAX_RULE


class NotifyBody(Body):
    """A message to each student who gets a coupon. Without `text` clients show their own words; without
    `channels` it goes through those of the installation."""

    text: Annotated[Message, Field(min_length=1)] | None = None
    channels: Annotated[list[Literal["in_app", "webhook", "email"]], NotEmpty] | None = None


class IssuanceBody(Body):
    """Exactly one of `students`, `audience_id` and `import_id`, and one of `batch_id` and `pack_id`.

    A student who is named twice is asked once. `send_at`: in the school's time where it has no offset.
    `repeat`: FREQ=DAILY or WEEKLY with INTERVAL, BYDAY, COUNT or UNTIL, as RFC 5545 writes them, counted from
    `send_at`. `hold_out_percent` of the students, always the same ones of a batch, get nothing."""

    batch_id: Id | None = None
    pack_id: Id | None = None
    students: Annotated[list[Student], NotEmpty, Field(max_length=MAX_NAMED)] | None = None
    audience_id: Id | None = None
    import_id: Id | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=MAX_REASON), Readable]
    send_at: LocalInstant | None = None
    repeat: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_RULE), Readable] | None
    ) = None
    notify: NotifyBody | None = None
    hold_out_percent: Annotated[int, Field(ge=0, le=100)] = 0
    metadata: Metadata | None = None


class ItemResponse(ResponseModel):
    """`outcome` null: not decided yet."""

    student: str
    outcome: ItemOutcome | None
    coupon_id: str | None = absent()
    coupon_ids: list[str] | None = absent()
    decided_at: Moment | None = absent()


class ItemPageResponse(ResponseModel):
    items: list[ItemResponse]
    next: str | None


class IssuanceResponse(ResponseModel):
    """`asked` students, of whom `issued`, `refused` and `held_out` are decided; of an audience it is 0 until
    it starts. `taken_back` of the issued coupons were undone. `due_at`: when it starts, or its next time
    where it repeats; `parent_id`: the recurring issuance that it is a part of. `items`: where at most 20
    students were named and it is done. `waiting`, the answer to the request: what was asked for needs a
    second operator; until then it is a `draft`. `approval_id`, of one issuance: the approval for which it
    waits, or waited.
    """

    id: str
    state: IssuanceState | Literal["waiting"]
    approval_id: str | None = absent()
    batch_id: str | None = absent()
    pack_id: str | None = absent()
    source: IssuanceSource
    source_id: str | None = absent()
    reason: str
    asked: int
    issued: int
    refused: int
    held_out: int
    taken_back: int
    hold_out_percent: int
    repeat: str | None = absent()
    parent_id: str | None = absent()
    created_by: str
    created_at: Moment
    due_at: Moment | None = absent()
    started_at: Moment | None = absent()
    finished_at: Moment | None = absent()
    metadata: dict[str, str]
    items: list[ItemResponse] | None = absent()


class IssuancePageResponse(ResponseModel):
    issuances: list[IssuanceResponse]
    next: str | None


class IssuancesQuery(PageQuery):
    """`source_id`: the audience, the import or the trigger from which they come."""

    batch_id: Id | None = None
    parent_id: Id | None = None
    source_id: Id | None = None


class ItemsQuery(PageQuery):
    """`after`: a student."""

    after: Student | None = None
    outcome: ItemOutcome | Literal["pending"] | None = None
