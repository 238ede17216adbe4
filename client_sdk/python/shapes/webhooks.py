"""Webhooks: receivers of events, and the calls that were made to them."""

from typing import Literal, NotRequired, TypedDict


class WebhookForm(TypedDict):
    """A receiver to make. `types` absent or empty: all events; `batch`: up to 500 in one call."""

    url: str
    types: NotRequired[list[str] | None]
    batch: NotRequired[bool]
    metadata: NotRequired[dict[str, str] | None]


class WebhookEdit(TypedDict, total=False):
    """Changes of a webhook. `paused` keeps what comes for up to 30 days, `active` resumes."""

    url: str | None
    types: list[str] | None
    batch: bool | None
    state: Literal["active", "paused"] | None
    metadata: dict[str, str] | None


class Webhook(TypedDict):
    """A receiver. `secret` only in the answer that made it; `position`: the last event that is done."""

    id: str
    url: str
    types: list[str] | None
    batch: bool
    state: Literal["active", "paused", "disabled"]
    reason: NotRequired[str]
    secret: NotRequired[str]
    old_secret_until: NotRequired[str]
    position: int
    failures: int
    failing_since: NotRequired[str]
    next_try_at: NotRequired[str]
    metadata: dict[str, str]
    created_at: str


class Webhooks(TypedDict):
    """A page of webhooks, newest first. `next` is null on the last page."""

    webhooks: list[Webhook]
    next: str | None


class Delivery(TypedDict):
    """One call. `status`: of the answer; `error`: null where it was delivered; `answer`: how it began."""

    id: str
    at: str
    kind: Literal["event", "replay", "test"]
    first_seq: int | None
    last_seq: int | None
    events: int
    attempt: int
    status: int | None
    error: str | None
    answer: str | None
    duration_ms: int


class Deliveries(TypedDict):
    """A page of calls, newest first. `next` is null on the last page."""

    deliveries: list[Delivery]
    next: str | None


class Replay(TypedDict):
    """The numbers of the events that are sent again, both ends included."""

    id: str
    from_seq: int
    to_seq: int
