"""Events: the closed table of what a school may hear of, and one event before it has a number.

Recorded by flows with ledger/event_log.py, in the transaction of what they tell. Read by webhooks, triggers,
messages, reports and the school. REFERENCE.md shows the table (tests/support/rendered.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class EventType(StrEnum):
    """The name of an event: the thing, a dot, and what happened to it."""

    COUPON_CONFIRMED = "coupon.confirmed"
    COUPON_RELEASED = "coupon.released"
    COUPON_REVOKED = "coupon.revoked"
    COUPON_EXPIRED = "coupon.expired"
    DROP_OPENED = "drop.opened"
    DROP_REOPENED = "drop.reopened"
    DROP_CHANGED = "drop.changed"
    DROP_CLOSED = "drop.closed"
    LINK_OPENED = "link.opened"
    LINK_CHANGED = "link.changed"
    LINK_ENDED = "link.ended"
    LINK_SEALED = "link.sealed"
    DRAW_SEALED = "draw.sealed"
    DRAW_DONE = "draw.done"
    DRAW_ABORTED = "draw.aborted"
    DROP_SEALED = "drop.sealed"
    REDEMPTION_LOCKED = "redemption.locked"
    REDEMPTION_REDEEMED = "redemption.redeemed"
    REDEMPTION_EXPIRED = "redemption.expired"
    REDEMPTION_CANCELLED = "redemption.cancelled"
    REDEMPTION_REFUNDED = "redemption.refunded"
    STUDENT_EVENT = "student.event"
    ISSUANCE_STARTED = "issuance.started"
    ISSUANCE_FINISHED = "issuance.finished"
    ISSUANCE_STOPPED = "issuance.stopped"
    ISSUANCE_UNDONE = "issuance.undone"
    TRIGGER_ACTIVATED = "trigger.activated"
    TRIGGER_PAUSED = "trigger.paused"
    TRIGGER_ENDED = "trigger.ended"
    TRIGGER_FIRED = "trigger.fired"
    OFFER_MADE = "offer.made"
    OFFER_ACCEPTED = "offer.accepted"
    OFFER_ENDED = "offer.ended"
    LOTTERY_CHANGED = "lottery.changed"
    LOTTERY_SPUN = "lottery.spun"
    LOTTERY_DAY_COMMITTED = "lottery_day.committed"
    LOTTERY_DAY_PUBLISHED = "lottery_day.published"
    STUDENT_MERGED = "student.merged"
    CAMPAIGN_CHANGED = "campaign.changed"
    BUDGET_WARNING = "budget.warning"
    MESSAGE_REQUESTED = "message.requested"
    BATCH_PAUSED = "batch.paused"
    BATCH_ENDED = "batch.ended"
    STUDENT_BLOCKED = "student.blocked"
    STUDENT_UNBLOCKED = "student.unblocked"
    TOKEN_REVOKED = "token.revoked"
    INSTRUCTOR_STOPPED = "instructor.stopped"
    INSTRUCTOR_RESUMED = "instructor.resumed"
    IMPORT_CREATED = "import.created"
    STUDENT_ERASED = "student.erased"
    ACT_RECORDED = "act.recorded"
    APPROVAL_EXPIRED = "approval.expired"
    ALERT_RAISED = "alert.raised"
    ALERT_ENDED = "alert.ended"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_TESTED = "webhook.tested"


class EventKind(NamedTuple):
    """A row of the table. `subject`: whose id an event is about. `data`: the fields of its data."""

    subject: str
    when: str
    data: str


_COUPON: Final = "student, coupon_id, code, batch_id, drop_id, source"
_ISSUANCE: Final = (
    "batch_id, pack_id, source, source_id, asked, issued, refused, held_out, taken_back"
)
_ORDER: Final = (
    "student, order_id, currency, subtotal, discount, payable, version, coupons (id, code, state)"
)

KINDS: Final[Mapping[EventType, EventKind]] = {
    EventType.COUPON_CONFIRMED: EventKind(
        "coupon",
        "a coupon lies in a wallet, by a claim or without one",
        f"{_COUPON}, room, link_id, issuance_id, template_id, template_version, state, "
        "valid_from, valid_until, hold_until",
    ),
    EventType.COUPON_RELEASED: EventKind(
        "coupon", "its hold ended unused; its unit is free again", f"{_COUPON}, state, reason"
    ),
    EventType.COUPON_REVOKED: EventKind(
        "coupon", "it was taken back, and cannot be used", f"{_COUPON}, state, reason"
    ),
    EventType.COUPON_EXPIRED: EventKind(
        "coupon", "its use window ended and it was not used", f"{_COUPON}, state, valid_until"
    ),
    EventType.DROP_OPENED: EventKind(
        "drop",
        "a drop went into its room; opens_at may be in the future, closes_at is null for an open end",
        "room, batch_id, quantity, opens_at, closes_at, rehearsal (where it is one)",
    ),
    EventType.DROP_REOPENED: EventKind(
        "drop",
        "a closed drop was opened again with more units",
        "room, batch_id, quantity, opens_at, closes_at",
    ),
    EventType.DROP_CHANGED: EventKind(
        "drop",
        "a drop was topped up or extended",
        "room, batch_id, quantity, opens_at, closes_at",
    ),
    EventType.DROP_CLOSED: EventKind(
        "drop", "a drop ended", "room, batch_id, quantity, returned, reason"
    ),
    EventType.LINK_OPENED: EventKind(
        "link",
        "a link can be claimed from; opens_at may be in the future",
        "drop_id, batch_id, quantity, opens_at, closes_at",
    ),
    EventType.LINK_CHANGED: EventKind(
        "link",
        "a link was paused (opens_at is closes_at), resumed, topped up, or ends at another time",
        "drop_id, batch_id, quantity, opens_at, closes_at",
    ),
    EventType.LINK_ENDED: EventKind(
        "link", "a link ended", "drop_id, batch_id, quantity, returned, reason"
    ),
    EventType.LINK_SEALED: EventKind(
        "link",
        "a link that ended has its receipts",
        "drop_id, batch_id, quantity, root, count, stock, came_back, given_again, seal, "
        "previous (after a reopening)",
    ),
    EventType.DRAW_SEALED: EventKind(
        "drop",
        "the entries of a draw are fixed, and the winners not known yet",
        "room, batch_id, entries, root",
    ),
    EventType.DRAW_DONE: EventKind(
        "drop",
        "the winners of a draw are known; their coupons follow",
        "room, batch_id, seed, winners",
    ),
    EventType.DRAW_ABORTED: EventKind(
        "drop", "a draw was given up; nobody wins", "room, batch_id, reason"
    ),
    EventType.DROP_SEALED: EventKind(
        "drop",
        "a closed drop has its receipts",
        "room, batch_id, quantity, root, count, stock, came_back, given_again, seal, "
        "previous (after a reopening)",
    ),
    EventType.REDEMPTION_LOCKED: EventKind(
        "redemption", "coupons were put on an order", f"{_ORDER}, expires_at"
    ),
    EventType.REDEMPTION_REDEEMED: EventKind(
        "redemption", "the order was paid", f"{_ORDER}, payment_ref, paid_at"
    ),
    EventType.REDEMPTION_EXPIRED: EventKind(
        "redemption", "the order was not paid in time; its coupons are free", _ORDER
    ),
    EventType.REDEMPTION_CANCELLED: EventKind(
        "redemption", "the order was cancelled; its coupons are free", _ORDER
    ),
    EventType.REDEMPTION_REFUNDED: EventKind(
        "redemption",
        "pieces or money of a paid order went back",
        "student, order_id, currency, refund_id, amount, charged_back, total, balance, "
        "lines (id, refunded, quantity), coupons (id, code, state)",
    ),
    EventType.STUDENT_EVENT: EventKind(
        "the event as the school named it",
        "the school told of a student by POST /v1/student-events",
        "student, type, at (the school's), data",
    ),
    EventType.ISSUANCE_STARTED: EventKind(
        "issuance", "coupons begin to go out without a tap", _ISSUANCE
    ),
    EventType.ISSUANCE_FINISHED: EventKind(
        "issuance", "each of its students has an outcome", _ISSUANCE
    ),
    EventType.ISSUANCE_STOPPED: EventKind(
        "issuance", "it was stopped, and gives no more", _ISSUANCE
    ),
    EventType.ISSUANCE_UNDONE: EventKind(
        "issuance", "it was undone, and what was not used is taken back", _ISSUANCE
    ),
    EventType.TRIGGER_ACTIVATED: EventKind(
        "trigger", "an operator let it fire", "version, catch_up"
    ),
    EventType.TRIGGER_PAUSED: EventKind("trigger", "an operator paused it", "version"),
    EventType.TRIGGER_ENDED: EventKind(
        "trigger", "it fires no more: its total is reached, or its window is over", "reason"
    ),
    EventType.TRIGGER_FIRED: EventKind(
        "trigger",
        "an event fulfilled it, and its coupon is on the way",
        "student, event_id, n, issuance_id, version",
    ),
    EventType.OFFER_MADE: EventKind(
        "offer",
        "a unit of a batch is kept for a student",
        "student, room, batch_id, course, expires_at",
    ),
    EventType.OFFER_ACCEPTED: EventKind(
        "offer",
        "the student has taken it; the coupon is coupon.confirmed too",
        "student, room, batch_id, coupon_id",
    ),
    EventType.OFFER_ENDED: EventKind(
        "offer",
        "it was declined or withdrawn, or its time is over; the unit is the batch's again",
        "student, room, batch_id, state (declined, withdrawn, expired)",
    ),
    EventType.LOTTERY_CHANGED: EventKind(
        "lottery",
        "a lottery was made, paused, resumed or changed, or it ended",
        "name, state, reason (made, changed, window_over)",
    ),
    EventType.LOTTERY_SPUN: EventKind(
        "lottery",
        "a spin has its outcome; a coupon that it won is coupon.confirmed too",
        "student, spin_id, n, outcome, prize (its place in the list), coupon_id",
    ),
    EventType.LOTTERY_DAY_COMMITTED: EventKind(
        "the date",
        "the seed of a day is fixed; its SHA-256 is public",
        "commitment",
    ),
    EventType.LOTTERY_DAY_PUBLISHED: EventKind(
        "the date",
        "the day is over and its seed public: spins can be computed again",
        "commitment, seed",
    ),
    EventType.STUDENT_MERGED: EventKind(
        "the account that is left",
        "what one account had is another account's now",
        "student (the account that is left), from (the other one), coupons, orders",
    ),
    EventType.CAMPAIGN_CHANGED: EventKind(
        "campaign",
        "an operator changed it; GET /v1/campaigns/{id} shows it as it is now",
        "name, version, fields (the names of those that changed)",
    ),
    EventType.BUDGET_WARNING: EventKind(
        "campaign",
        "a budget passed a level of its use",
        "budget (money or pieces), level_percent",
    ),
    EventType.MESSAGE_REQUESTED: EventKind(
        "message",
        "the school is asked to send a student a message, by whatever means it has",
        "student, message_id, text, kind, coupon_id, url, data, cause, expires_at",
    ),
    EventType.BATCH_PAUSED: EventKind(
        "batch",
        "a batch went out faster than its plan, so its claims were stopped",
        "max_per_minute, went_out",
    ),
    EventType.BATCH_ENDED: EventKind(
        "batch",
        "an operator ended it for good; no coupon of it is given any more, those that were given are valid",
        "name, reason, by, use_stopped",
    ),
    EventType.STUDENT_BLOCKED: EventKind(
        "block",
        "an operator blocked a student, a person, a device or a tag",
        "student (of a student), kind, value (of the others), until, reason",
    ),
    EventType.STUDENT_UNBLOCKED: EventKind(
        "block", "an operator ended a block", "as of student.blocked"
    ),
    EventType.TOKEN_REVOKED: EventKind(
        "revocation",
        "an operator revoked tokens",
        "student (the subject, where one is named), kind, made_before, reason",
    ),
    EventType.INSTRUCTOR_STOPPED: EventKind(
        "instructor", "an operator stopped an instructor", "reason, by"
    ),
    EventType.INSTRUCTOR_RESUMED: EventKind(
        "instructor", "an operator let an instructor go on", "reason, by"
    ),
    EventType.IMPORT_CREATED: EventKind(
        "import",
        "a file with students was read; nothing is issued by that",
        "kind, rows, good, duplicates, bad",
    ),
    EventType.STUDENT_ERASED: EventKind(
        "the pseudonym",
        "a student was erased; `student_hash` tells the id again to who has the installation's secret",
        "pseudonym, student_hash",
    ),
    EventType.ACT_RECORDED: EventKind(
        "the act's own subject",
        "an operator or a teacher did something",
        "act_id, actor, action, detail",
    ),
    EventType.APPROVAL_EXPIRED: EventKind(
        "approval",
        "nobody answered it in time, and what waited for it is stopped",
        "kind, about, asked_by, asked_at",
    ),
    EventType.ALERT_RAISED: EventKind(
        "alert", "somebody must look at something", "kind, about, level, name"
    ),
    EventType.ALERT_ENDED: EventKind(
        "alert", "what was wrong is mended", "kind, about, level, name"
    ),
    EventType.WEBHOOK_DISABLED: EventKind(
        "webhook", "a receiver was given up; nothing is sent to it", "reason"
    ),
    EventType.WEBHOOK_TESTED: EventKind(
        "webhook", "the test call of a webhook; it has no number and is in no list", "nothing"
    ),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened, on its way into the log.

    `at` is in ms, `subject` an id of the kind that the table names. `data` are JSON values under the names of
    the contract, instants as RFC 3339; the log adds `student` to them, if there is one. An erasure finds
    the event by `student`, so an event about a student must name them there.
    """

    type: EventType
    at: int
    subject: str
    data: Mapping[str, object] = field(default_factory=dict)
    student: str | None = None
