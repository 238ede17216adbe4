"""The bodies and responses of /v1/webhooks."""

from typing import Annotated, Literal

from pydantic import Field

from server.api.http.fields import Body, Metadata, Moment, ResponseModel, ShortText, Url, absent
from server.core.event_types import EventType
from server.core.events.webhooks import WebhookState

Types = Annotated[list[ShortText], Field(max_length=len(EventType))]
Seq = Annotated[int, Field(ge=1, le=2**62)]


class WebhookBody(Body):
    """`types` absent or empty: all events. `batch`: up to 500 events in one call."""

    url: Url
    types: Types | None = None
    batch: bool = False
    metadata: Metadata | None = None


class WebhookEdit(Body):
    """Changes of a webhook. `state`: `paused` keeps what comes for up to 30 days, `active` resumes."""

    url: Url | None = None
    types: Types | None = None
    batch: bool | None = None
    state: Literal["active", "paused"] | None = None
    metadata: Metadata | None = None


class ReplayBody(Body):
    """Both ends included."""

    from_seq: Seq
    to_seq: Seq


class WebhookResponse(ResponseModel):
    """`position`: the number of the last event that is done. `failures`: calls in a row that failed;
    `next_try_at` says when the next one is made. `reason`: why it is disabled. `secret` only where it was
    made; `old_secret_until`: until then the one before signs as well."""

    id: str
    url: str
    types: list[str] | None
    batch: bool
    state: WebhookState
    reason: str | None = absent()
    secret: str | None = absent()
    old_secret_until: Moment | None = absent()
    position: int
    failures: int
    failing_since: Moment | None = absent()
    next_try_at: Moment | None = absent()
    metadata: dict[str, str]
    created_at: Moment


class WebhookPageResponse(ResponseModel):
    webhooks: list[WebhookResponse]
    next: str | None


class DeliveryResponse(ResponseModel):
    """One call. `status`: of the receiver's answer, null where none came; `error`: null where it was
    delivered; `answer`: how its body began."""

    id: str
    at: Moment
    kind: Literal["event", "replay", "test"]
    first_seq: int | None
    last_seq: int | None
    events: int
    attempt: int
    status: int | None
    error: str | None
    answer: str | None
    duration_ms: int


class DeliveryPageResponse(ResponseModel):
    deliveries: list[DeliveryResponse]
    next: str | None


class ReplayResponse(ResponseModel):
    """Events of these numbers are sent again, after what is new."""

    id: str
    from_seq: int
    to_seq: int
