"""Messages to students: what may be asked for, by whom, through which channels.

Made by flows that want a student to hear of something (issuances, reminders, triggers), stored by
ledger/message_queue.py, sent by flows/events/send_messages.py. How often and when a student may be bothered
is decided in core/events/message_rules.py, not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAX_TEXT: Final = 200


class Channel(StrEnum):
    """The way to a student. `webhook`: the school sends it, by SMS, WeChat or its app."""

    IN_APP = "in_app"
    WEBHOOK = "webhook"
    EMAIL = "email"


class MessageKind(StrEnum):
    """The reason of a message; clients have a text for each, used where the sender wrote none."""

    COUPON_ISSUED = "coupon_issued"
    COUPON_EXPIRES = "coupon_expires"
    OFFER = "offer"
    NOTICE = "notice"  # has a text of its own


class MessageState(StrEnum):
    """`queued` waits for its time, `held` for the end of quiet hours or for the cap on messages to allow it;
    the others are final.
    """

    QUEUED = "queued"
    HELD = "held"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


DEFAULT_CHANNELS: Final = (Channel.IN_APP, Channel.WEBHOOK)  # where a request names none
WAITING: Final = (MessageState.QUEUED, MessageState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """One message to one student. Instants are in ms.

    It is sent from `not_before` on, and not after `expires_at`. `text` None: clients show their own text for
    `kind`, with `data` (JSON values: `name` and `use_by` of a coupon). With a `coupon_id` it is not sent once
    that coupon cannot be used any more. `once`: a second message with the same text here is not stored, so a
    request may be repeated; at most 80 characters. `cause`: the id of what asked for it, such as an issuance.
    A transactional message is not counted, and waits neither for the cap nor for the end of quiet hours.
    `channels` empty: DEFAULT_CHANNELS.
    """

    student: str
    kind: MessageKind
    created_at: int
    not_before: int
    expires_at: int
    text: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    coupon_id: str | None = None
    url: str | None = None
    cause: str | None = None
    once: str | None = None
    is_transactional: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message of one channel. `reason` says why it is held, failed or cancelled. Messages with one
    `cap_key` are one message through several channels: they count once.
    """

    id: str
    cap_key: str
    student: str
    kind: MessageKind
    channel: Channel
    state: MessageState
    text: str | None
    data: Mapping[str, object]
    created_at: int
    not_before: int
    expires_at: int
    is_transactional: bool = False
    attempts: int = 0
    coupon_id: str | None = None
    url: str | None = None
    cause: str | None = None
    reason: str | None = None
    sent_at: int | None = None
