"""Messages to students: as the student gets them, and as operators see what became of them."""

from typing import Literal, NotRequired, TypedDict

MessageKind = Literal["coupon_issued", "coupon_expires", "offer", "notice"]
MessageChannel = Literal["in_app", "webhook", "email"]
MessageState = Literal["queued", "held", "sent", "failed", "expired", "cancelled"]


class RoomMessage(TypedDict):
    """A message as its frame has it."""

    id: str
    text: str
    kind: NotRequired[MessageKind]
    coupon_id: NotRequired[str]
    url: NotRequired[str]


class MyMessage(TypedDict):
    """A message that the app has shown to the student."""

    id: str
    text: str
    kind: MessageKind
    coupon_id: NotRequired[str]
    url: NotRequired[str]
    sent_at: str


class MyMessages(TypedDict):
    """A page of the student's messages, newest first. `next` is null on the last page."""

    messages: list[MyMessage]
    next: str | None


class StudentMessage(TypedDict):
    """A message of one channel. `reason` says why it is held, failed or cancelled. A held one is looked at
    again at `not_before`."""

    id: str
    student: str
    kind: MessageKind
    channel: MessageChannel
    state: MessageState
    reason: NotRequired[str]
    text: NotRequired[str]
    data: dict[str, object]
    coupon_id: NotRequired[str]
    cause: NotRequired[str]
    transactional: bool
    attempts: int
    created_at: str
    not_before: str
    expires_at: str
    sent_at: NotRequired[str]


class StudentMessages(TypedDict):
    """A page of messages, newest first. `counts`: how many are in each state, in a list of one `cause`."""

    messages: list[StudentMessage]
    counts: NotRequired[dict[MessageState, int]]
    next: str | None
