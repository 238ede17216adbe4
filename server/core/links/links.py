"""Links: a way to claim outside a room. Their states, forms, limits and windows.

Used by the flows of links before they write, and by everything that shows a link. A link is a drop without a
room, with an allotment of its own. The clock is an argument.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.drops import drop_rules
from server.core.drops.drop_rules import MAX_MESSAGE, MAX_QUANTITY
from server.core.drops.drops import CloseReason, DropState, Window
from server.core.drops.tasks import Task, WatchTask, task_violations
from server.core.ids import BatchId, DropId
from server.core.promotions.batches import Batch
from server.core.promotions.template_rules import (
    amount_violations,
    metadata_violations,
    text_violations,
)
from server.core.promotions.templates import FixedValidity, Template
from server.core.refusals import Code, Refused, invalid_field
from server.core.violations import Violation

MAX_CHANNEL: Final = 64
MAX_DAYS: Final = 366
_DAY_MS: Final = 86_400_000


class LinkState(StrEnum):
    """The state of a link. One that opens later is `active`; `exhausted`: all units are taken, some may come
    back."""

    ACTIVE = "active"
    PAUSED = "paused"
    EXHAUSTED = "exhausted"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class LinkForm:
    """A link as an operator requests it. `opens_at` None: at once; `closes_at` None: as late as its batch
    permits. `per_student` None: 1, as of every drop. `prompt`: students see it on course pages and at the
    checkout, without its address."""

    batch_id: str
    channel: str
    quantity: int
    per_student: int | None = None
    opens_at: int | None = None
    closes_at: int | None = None
    task: Task | None = None
    message: str = ""
    note: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    prompt: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link as the ledger has it. Instants in ms.

    `paused_from` is the beginning of its window on the desk, kept while it is paused; None: it is not paused.
    `opened` counts visitors of its page, as a worker wrote it last.
    """

    id: str
    slug: str
    batch_id: BatchId
    drop_id: DropId
    channel: str
    note: str
    opens_at: int
    closes_at: int
    metadata: Mapping[str, str]
    created_by: str
    created_at: int
    paused_from: int | None = None
    opened: int = 0
    prompt: bool = False


def state_of(link: Link, drop: DropState, remaining: int) -> LinkState:
    """Return the state of the link. `drop` is the state that the ledger has of its drop."""
    if drop is DropState.CLOSED:
        return LinkState.ENDED
    if link.paused_from is not None:
        return LinkState.PAUSED
    return LinkState.ACTIVE if remaining > 0 else LinkState.EXHAUSTED


def end_reason(reason: CloseReason | None) -> str | None:
    """Return why a link ended, in the words of a closed drop: `ended`, `sold_out` or `stopped`."""
    if reason is None:
        return None
    return (CloseReason.STOPPED if reason is CloseReason.CANCELLED else reason).value


def violations(form: LinkForm) -> list[Violation]:
    """Return everything that is wrong with the form itself, in the order of its fields."""
    return [
        *text_violations("channel", form.channel, MAX_CHANNEL),
        *amount_violations("quantity", form.quantity, 1, MAX_QUANTITY),
        *_per_student(form.per_student),
        *_task(form.task),
        *_optional_text("message", form.message),
        *_optional_text("note", form.note),
        *metadata_violations("metadata", form.metadata),
    ]


def batch_refusal(batch: Batch | None) -> Refused | None:
    """Return why no link can be made of this batch; None if one can."""
    if batch is None:
        return Refused(Code.NOT_FOUND)
    if batch.quantity is None:
        return Refused(Code.WRONG_STATE, "a batch without a quantity has no units for a link")
    if batch.rooms is not None:
        return Refused(Code.WRONG_STATE, "the batch is for its rooms only")
    return None


def window_of(form: LinkForm, batch: Batch, template: Template, now: int) -> Window | Refused:
    """Return the window of a new link, or why it may not have it."""
    begins_at = now if batch.claim_window is None else max(now, batch.claim_window.from_at)
    opens_at = begins_at if form.opens_at is None else max(now, form.opens_at)
    if opens_at < begins_at:
        return invalid_field("opens_at", "before_claim_window")
    closes_at = latest_end(batch, template, opens_at) if form.closes_at is None else form.closes_at
    return end_refusal(batch, template, opens_at, closes_at, now) or Window(opens_at, closes_at)


def top_up_refusal(
    add: int, expected_quantity: int | None, drop: DropState, quantity: int
) -> Refused | None:
    """Return why a link may not get `add` more units; None if it may.

    `drop` is the state that the ledger has of its drop, `quantity` what it has now: a press that is repeated,
    or comes from a second operator, expects another one.
    """
    if expected_quantity is None:
        return invalid_field("expected_quantity", "missing")
    if (refusal := drop_rules.top_up_refusal(add, quantity)) is not None:
        return refusal
    if drop is DropState.CLOSED:
        return Refused(Code.WRONG_STATE, "the link has ended")
    if quantity != expected_quantity:
        facts = {"quantity": quantity}
        return Refused(Code.WRONG_STATE, f"quantity is {quantity} by now", facts)
    return None


def latest_end(batch: Batch, template: Template, opens_at: int) -> int:
    """Return the latest end (ms) of a link that opens at `opens_at`."""
    ends = [opens_at + MAX_DAYS * _DAY_MS]
    if batch.claim_window is not None:
        ends.append(batch.claim_window.until_at)
    if isinstance(template.form.validity, FixedValidity):
        ends.append(template.form.validity.until_at)
    return min(ends)


def end_refusal(
    batch: Batch, template: Template, opens_at: int, closes_at: int, now: int
) -> Refused | None:
    """Return why a link may not end at `closes_at`; None if it may."""
    window, validity = batch.claim_window, template.form.validity
    if window is not None and window.until_at <= max(now, opens_at):
        return Refused(Code.WRONG_STATE, "the batch can no longer be claimed")
    if closes_at <= max(now, opens_at):
        return invalid_field("closes_at", "too_small")
    if window is not None and closes_at > window.until_at:
        return invalid_field("closes_at", "beyond_claim_window")
    if isinstance(validity, FixedValidity) and closes_at > validity.until_at:
        return invalid_field("closes_at", "beyond_validity")
    if closes_at > opens_at + MAX_DAYS * _DAY_MS:
        return invalid_field("closes_at", "too_large")
    return None


def desk_window(link: Link, drop: Window, *, paused: bool, moved_ms: int) -> tuple[Window, int]:
    """Return the window that the desk gets, and the beginning to keep while the link is paused.

    `drop` is the window as it is there; `moved_ms`: by how much the end moves. A paused link has a window
    that ends where it begins, so the desk answers `not_open`, and a rebuilt desk does too.
    """
    begins_at = drop.opens_at if link.paused_from is None else link.paused_from
    closes_at = drop.closes_at + moved_ms
    return Window(closes_at if paused else begins_at, closes_at), begins_at


def _per_student(per_student: int | None) -> Iterator[Violation]:
    if per_student is not None and per_student < 1:
        yield Violation("per_student", "too_small")
    elif per_student is not None and per_student > 1:
        # A student has one claim of a drop, and a link is one. Who wants two makes two links.
        yield Violation("per_student", "unsupported")


def _task(task: Task | None) -> Iterator[Violation]:
    if isinstance(task, WatchTask):
        yield Violation("task", "unsupported")  # nobody watches a link
    elif task is not None:
        yield from task_violations(task)


def _optional_text(name: str, text: str) -> Iterator[Violation]:
    if text:
        yield from text_violations(name, text, MAX_MESSAGE)
