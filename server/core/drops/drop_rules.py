"""The rules for making, opening, topping up and extending a drop.

Used by the flows of drops before they write. They check only what cannot change meanwhile: stock is taken
by the ledger's conditional updates, which refuse by themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.drops.claims import Audience
from server.core.drops.draw_cards import DRAW
from server.core.drops.drop_ends import DropEnd, end_refusal
from server.core.drops.drops import MAX_COUNTDOWN_SECONDS, MAX_DURATION_SECONDS, EndsBy
from server.core.drops.tasks import Task, task_violations
from server.core.promotions.batches import Batch
from server.core.promotions.template_rules import (
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.promotions.templates import FixedValidity, Template
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import Violation

MAX_MESSAGE: Final = 200
# A million winners are some 200 MB in Redis; no classroom is that large.
MAX_QUANTITY: Final = 1_000_000
# The audience is sent to every gateway with each publication.
MAX_AUDIENCE_TAGS: Final = 20
MAX_AUDIENCE_STUDENTS: Final = 500
MAX_TAG: Final = 64
# A lesson has a few. The limit stops a script that prepares drops without end from filling ledger and
# console.
MAX_WAITING: Final = 100
MAX_AHEAD_MS: Final = 90 * 24 * 3600 * 1000

# `first`: whoever taps first wins. `draw`: winners are drawn among all who tapped.
MODES: Final = frozenset({"first", DRAW})

_STUDENT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Start(StrEnum):
    """The way in which a drop opens: `now` (after `opens_in_seconds`), or later, when its instructor opens it
    (`prepared`)."""

    NOW = "now"
    PREPARED = "prepared"


@dataclass(frozen=True, slots=True)
class DropForm:
    """A drop as an instructor requests it. `opens_in_seconds` counts from its opening.

    `ends` None: it ends after `duration_seconds`, which does not count otherwise. `at` (ms): it waits, and
    opens by itself then. `rehearsal`: only the students of its audience see it, and nothing is taken from the
    batch. `show_winners`: the room sees masked names of the winners. `override`: why it may
    break price rules.
    """

    batch_id: str
    quantity: int
    duration_seconds: int
    message: str = ""
    start: str = Start.NOW
    opens_in_seconds: int = 0
    audience: Audience = field(default_factory=Audience)
    mode: str = "first"
    task: Task | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    ends: DropEnd | None = None
    at: int | None = None
    rehearsal: bool = False
    show_winners: bool = False
    override: str | None = None

    @property
    def end(self) -> DropEnd:
        """The end that was asked for."""
        return self.ends or DropEnd(EndsBy.DURATION, self.duration_seconds)


def is_prepared(form: DropForm) -> bool:
    """Return whether the drop takes no stock yet: an instructor opens it, or its time comes."""
    return form.start == Start.PREPARED or form.at is not None


def waits(form: DropForm) -> bool:
    """Return whether the drop does not open at once."""
    return is_prepared(form) or form.opens_in_seconds > 0


def waiting_refusal(waiting: int) -> Refused | None:
    """Return why no further drop may wait in a room where `waiting` are prepared or scheduled; None if one
    may."""
    if waiting < MAX_WAITING:
        return None
    detail = f"at most {MAX_WAITING} drops of a room may be prepared or scheduled"
    return Refused(Code.TOO_MANY, detail, {"max": MAX_WAITING})


def violations(form: DropForm) -> list[Violation]:
    """Return everything that is wrong with the form itself, in the order of its fields."""
    return [
        *amount_violations("quantity", form.quantity, 1, MAX_QUANTITY),
        *_end(form.end),
        *_message(form.message),
        *_start(form.start),
        *amount_violations("opens_in_seconds", form.opens_in_seconds, 0, MAX_COUNTDOWN_SECONDS),
        *_audience(form.audience),
        *_rehearsal(form),
        *_mode(form),
        *(task_violations(form.task) if form.task is not None else ()),
        *metadata_violations("metadata", form.metadata),
    ]


def timing_refusal(form: DropForm, now: int) -> Refused | None:
    """Return why the times of the form cannot be kept; None if they can."""
    if form.at is not None and form.at <= now:
        return invalid_field("at", "in_the_past")
    if form.at is not None and form.at > now + MAX_AHEAD_MS:
        return invalid_field("at", "too_late", "a drop may wait for at most 90 days")
    return end_refusal(form.end, (form.at or now) + form.opens_in_seconds * 1000)


def batch_refusal(batch: Batch | None, room: str) -> Refused | None:
    """Return why this room may not drop of this batch, whatever the quantity; None if it may."""
    if batch is None:
        return invalid_field("batch_id", "unknown")
    if batch.quantity is None:
        return invalid_field("batch_id", "unlimited", "a batch without a quantity has no units")
    if batch.room_quota_of(room) is None:
        return invalid_field("batch_id", "not_for_room", "the batch is not for this room")
    return None


def window_refusal(
    batch: Batch, template: Template, opens_at: int, closes_at: int, name: str = "duration_seconds"
) -> Refused | None:
    """Return why a drop may not have this window; None if it may. `name`: the field that says when it ends.

    A drop lies within the batch's claim window, and no student wins a coupon that is over. The refusal
    names the field by which the caller can correct it.
    """
    window = batch.claim_window
    if window is not None and opens_at < window.from_at:
        return Refused(Code.WRONG_STATE, "the batch cannot be claimed yet")
    if window is not None and opens_at >= window.until_at:
        return Refused(Code.WRONG_STATE, "the batch can no longer be claimed")
    if window is not None and closes_at > window.until_at:
        return invalid_field(name, "beyond_claim_window")
    if (
        isinstance(template.form.validity, FixedValidity)
        and closes_at > template.form.validity.until_at
    ):
        return invalid_field(name, "beyond_validity")
    return None


def extension_refusal(
    batch: Batch, template: Template, opens_at: int, closes_at: int, seconds: int
) -> Refused | None:
    """Return why the drop may not be extended by `seconds`; None if it may. `closes_at` is its end now.

    A drop may not become longer than it could have been made at the start.
    """
    ends_at = closes_at + seconds * 1000
    if seconds < 1:
        return invalid_field("seconds", "too_small")
    if ends_at - opens_at > MAX_DURATION_SECONDS * 1000:
        return invalid_field("seconds", "too_large")
    refused = window_refusal(batch, template, opens_at, ends_at)
    # The window's refusals name `duration_seconds`, which a caller of extend does not send.
    if refused is None or refused.code is not Code.INVALID_FIELD:
        return refused
    return invalid_field("seconds", "too_large", refused.detail)


def top_up_refusal(add: int, quantity: int) -> Refused | None:
    """Return why `add` units may not be added; None if they may. `quantity` is what the drop has now."""
    if add < 1:
        return invalid_field("add", "too_small")
    return invalid_field("add", "too_large") if quantity + add > MAX_QUANTITY else None


def _end(end: DropEnd) -> Iterator[Violation]:
    if end.by is EndsBy.DURATION:
        yield from amount_violations("duration_seconds", end.seconds, 1, MAX_DURATION_SECONDS)


def _rehearsal(form: DropForm) -> Iterator[Violation]:
    if form.rehearsal and not form.audience.students:
        yield Violation("audience.students", "required")
    if form.rehearsal and form.audience.tags:
        yield Violation("audience.tags", "not_in_a_rehearsal")


def _message(message: str) -> Iterator[Violation]:
    if message:
        yield from text_violations("message", message, MAX_MESSAGE)


def _start(start: str) -> Iterator[Violation]:
    if start not in set(Start):
        yield Violation("start", "unknown")


def _mode(form: DropForm) -> Iterator[Violation]:
    if form.mode not in MODES:
        yield Violation("mode", "unknown")
    elif form.mode == DRAW and (form.task is not None or form.rehearsal):
        yield Violation("mode", "unsupported")  # a draw has neither a task nor a rehearsal


def _audience(audience: Audience) -> Iterator[Violation]:
    if len(audience.tags) > MAX_AUDIENCE_TAGS:
        yield Violation("audience.tags", "too_many")
    if any(not tag or len(tag) > MAX_TAG for tag in audience.tags):
        yield Violation("audience.tags", "too_long")
    if len(audience.students) > MAX_AUDIENCE_STUDENTS:
        yield Violation("audience.students", "too_many")
    if not all(_STUDENT.fullmatch(student) for student in audience.students):
        yield Violation("audience.students", "bad_character")
