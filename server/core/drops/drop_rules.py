"""Whether a drop may be made, opened, topped up or extended.

Asked by the flows of drops before they write. Only what depends on nothing that can change
meanwhile: stock is taken by the ledger's conditional updates, which refuse by themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.drops.claims import Audience
from server.core.drops.drops import MAX_COUNTDOWN_SECONDS, MAX_DURATION_SECONDS
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
# The audience travels to every gateway with each publication.
MAX_AUDIENCE_TAGS: Final = 20
MAX_AUDIENCE_STUDENTS: Final = 500
MAX_TAG: Final = 64
# A lesson has a handful; a script that prepares drops without an end fills the ledger and the console.
MAX_WAITING: Final = 100

_STUDENT = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Start(StrEnum):
    NOW = "now"
    PREPARED = "prepared"


@dataclass(frozen=True, slots=True)
class DropForm:
    """A drop as an instructor asks for it. `opens_in_seconds` counts from its opening."""

    batch_id: str
    quantity: int
    duration_seconds: int
    message: str = ""
    start: str = Start.NOW
    opens_in_seconds: int = 0
    audience: Audience = field(default_factory=Audience)
    mode: str = "first"
    metadata: Mapping[str, str] = field(default_factory=dict)


def waits(form: DropForm) -> bool:
    """Whether it does not open at once."""
    return form.start == Start.PREPARED or form.opens_in_seconds > 0


def waiting_refusal(waiting: int) -> Refused | None:
    """Whether one more may wait in a room where so many are prepared or scheduled."""
    if waiting < MAX_WAITING:
        return None
    detail = f"at most {MAX_WAITING} drops of a room may be prepared or scheduled"
    return Refused(Code.TOO_MANY, detail, {"max": MAX_WAITING})


def violations(form: DropForm) -> list[Violation]:
    """Everything that is wrong with the form itself, in the order of its fields."""
    return [
        *amount_violations("quantity", form.quantity, 1, MAX_QUANTITY),
        *amount_violations("duration_seconds", form.duration_seconds, 1, MAX_DURATION_SECONDS),
        *_message(form.message),
        *_start(form.start),
        *amount_violations("opens_in_seconds", form.opens_in_seconds, 0, MAX_COUNTDOWN_SECONDS),
        *_audience(form.audience),
        *_mode(form.mode),
        *metadata_violations("metadata", form.metadata),
    ]


def batch_refusal(batch: Batch | None, room: str) -> Refused | None:
    """Whether this room may drop of this batch at all, however much."""
    if batch is None:
        return invalid_field("batch_id", "unknown")
    if batch.quantity is None:
        return invalid_field("batch_id", "unlimited", "a batch without a quantity has no units")
    if batch.share_of(room) is None:
        return invalid_field("batch_id", "not_for_room", "this room has no share of the batch")
    return None


def window_refusal(
    batch: Batch, template: Template, opens_at: int, closes_at: int
) -> Refused | None:
    """A drop lies within the batch's claim window, and nobody wins a coupon that is over. Named
    after the field by which the caller can mend it.
    """
    window = batch.claim_window
    if window is not None and opens_at < window.from_at:
        return Refused(Code.WRONG_STATE, "the batch cannot be claimed yet")
    if window is not None and opens_at >= window.until_at:
        return Refused(Code.WRONG_STATE, "the batch can no longer be claimed")
    if window is not None and closes_at > window.until_at:
        return invalid_field("duration_seconds", "beyond_claim_window")
    if (
        isinstance(template.form.validity, FixedValidity)
        and closes_at > template.form.validity.until_at
    ):
        return invalid_field("duration_seconds", "beyond_validity")
    return None


def extension_refusal(
    batch: Batch, template: Template, opens_at: int, closes_at: int, seconds: int
) -> Refused | None:
    """`closes_at` is where the drop ends now. What may not be made longer at the start may not be
    made so later.
    """
    ends_at = closes_at + seconds * 1000
    if seconds < 1:
        return invalid_field("seconds", "too_small")
    if ends_at - opens_at > MAX_DURATION_SECONDS * 1000:
        return invalid_field("seconds", "too_large")
    refused = window_refusal(batch, template, opens_at, ends_at)
    if refused is None or refused.code is not Code.INVALID_FIELD:
        return refused
    return invalid_field("seconds", "too_large", refused.detail)


def top_up_refusal(add: int, quantity: int) -> Refused | None:
    """`quantity` is what the drop has now."""
    if add < 1:
        return invalid_field("add", "too_small")
    return invalid_field("add", "too_large") if quantity + add > MAX_QUANTITY else None


def _message(message: str) -> Iterator[Violation]:
    if message:
        yield from text_violations("message", message, MAX_MESSAGE)


def _start(start: str) -> Iterator[Violation]:
    if start not in set(Start):
        yield Violation("start", "unknown")


def _mode(mode: str) -> Iterator[Violation]:
    if mode == "draw":
        yield Violation("mode", "unsupported")
    elif mode != "first":
        yield Violation("mode", "unknown")


def _audience(audience: Audience) -> Iterator[Violation]:
    if len(audience.tags) > MAX_AUDIENCE_TAGS:
        yield Violation("audience.tags", "too_many")
    if any(not tag or len(tag) > MAX_TAG for tag in audience.tags):
        yield Violation("audience.tags", "too_long")
    if len(audience.students) > MAX_AUDIENCE_STUDENTS:
        yield Violation("audience.students", "too_many")
    if not all(_STUDENT.fullmatch(student) for student in audience.students):
        yield Violation("audience.students", "bad_character")
