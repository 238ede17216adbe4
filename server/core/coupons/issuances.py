"""Issuances: coupons of a batch that students get without a tap; their states, and who of a piece gets one.

Used by flows/coupons/issuing/issue.py and what drives it on, stored by ledger/coupons/issuances.py, published
by the API. Every way of giving a coupon without a tap is an issuance: named students, an audience, an import,
a trigger. Each (issuance, student) has exactly one item, with exactly one outcome (promise I10).
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.core.ids import BatchId, CouponId, StudentId
from server.core.promotions.batches import Batch
from server.core.promotions.campaigns import Campaign
from server.core.promotions.template_rules import metadata_violations, text_violations
from server.core.promotions.templates import FixedValidity, Template
from server.core.violations import Violation

MAX_NAMED: Final = 1_000  # students that one request may name
MAX_REASON: Final = 200
SMALL: Final = (
    20  # up to this many students an issuance is done within the request, and never counts down
)
TAKE_BACK_MS: Final = 3_600_000  # how long after its end an issuance may be undone


class IssuanceState(StrEnum):
    """The state of an issuance.

    `draft` waits for the approval of a second operator, `scheduled` for its time, `counting_down` for the
    time in which an operator may undo it. The last three are ends: `stopped` gives no more, `undone` has also
    taken back what was not used.
    """

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    COUNTING_DOWN = "counting_down"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    UNDONE = "undone"


WAITING: Final = (
    IssuanceState.DRAFT,
    IssuanceState.SCHEDULED,
    IssuanceState.COUNTING_DOWN,
)
UNDER_WAY: Final = (*WAITING, IssuanceState.RUNNING)


class IssuanceSource(StrEnum):
    """The way by which students come to an issuance; also the `source` of its coupons. `api`: named in a
    request."""

    API = "api"
    AUDIENCE = "audience"
    IMPORT = "import"
    TRIGGER = "trigger"
    LOTTERY = "lottery"
    OFFER = "offer"


# Who is in these is read when they start, and not when they are asked for.
READ_AT_START: Final = (IssuanceSource.AUDIENCE, IssuanceSource.IMPORT)


class ItemOutcome(StrEnum):
    """The outcome of one student in an issuance."""

    ISSUED = "issued"
    HELD_OUT = "held_out"
    BLOCKED = "blocked"
    STOPPED = "stopped"
    NOT_ELIGIBLE = "not_eligible"
    LIMIT_REACHED = "limit_reached"
    STOCK_SHORT = "stock_short"
    BUDGET_SHORT = "budget_short"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class NewIssuance:
    """An issuance as somebody asks for it.

    Exactly one of `batch_id` and `pack_id` is set. `source_id` names the audience, import or trigger that
    the students come from. `send_at` (ms): when it starts; None: at once. `repeat`: the rule of a recurring
    send (core/coupons/recurrence.py). `notify`: the message to each student who gets a coupon.
    """

    reason: str
    batch_id: str | None = None
    pack_id: str | None = None
    source: IssuanceSource = IssuanceSource.API
    source_id: str | None = None
    hold_out_percent: int = 0
    send_at: int | None = None
    repeat: str | None = None
    notify: Mapping[str, object] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """An issuance as it stands. Instants are in ms.

    `asked` counts its students, once they are known; of these `issued`, `refused` and `held_out` are decided,
    and the others are still to come. `taken_back` of the issued coupons were undone. `due_at` is when a
    worker has to look at it next; None: never again. `parent_id`: the recurring issuance that started it.
    """

    id: str
    batch_id: str | None
    pack_id: str | None
    source: IssuanceSource
    source_id: str | None
    reason: str
    state: IssuanceState
    created_by: str
    created_at: int
    due_at: int | None
    started_at: int | None = None
    finished_at: int | None = None
    asked: int = 0
    issued: int = 0
    refused: int = 0
    held_out: int = 0
    taken_back: int = 0
    hold_out_percent: int = 0
    repeat: str | None = None
    parent_id: str | None = None
    notify: Mapping[str, object] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        return self.issued + self.refused + self.held_out


@dataclass(frozen=True, slots=True)
class IssuanceItem:
    """One student of an issuance. `outcome` None: not decided yet. `coupon_ids` has several for a pack."""

    student: StudentId
    outcome: ItemOutcome | None
    decided_at: int | None = None
    coupon_ids: tuple[CouponId, ...] = ()

    @property
    def id(self) -> str:
        """The cursor of a page."""
        return self.student


def violations(form: NewIssuance) -> Iterator[Violation]:
    """Yield everything that is wrong with the form itself."""
    yield from text_violations("reason", form.reason.strip(), MAX_REASON)
    yield from metadata_violations("metadata", form.metadata)
    if not 0 <= form.hold_out_percent <= 100:
        yield Violation(
            "hold_out_percent", "too_small" if form.hold_out_percent < 0 else "too_large"
        )


def is_held_out(batch_id: str, student: str, percent: int) -> bool:
    """Return whether the student gets nothing, so that the others can be compared with them.

    Sticky: the same students of a batch are held out of every issuance with the same percentage. `batch_id`
    is the pack's id for a pack.
    """
    if percent <= 0:
        return False
    digest = hashlib.sha256(f"holdout|{batch_id}|{student}".encode()).digest()
    return int.from_bytes(digest[:8]) % 10_000 < 100 * percent


def is_small(form: NewIssuance, students: Collection[str]) -> bool:
    """Return whether it names so few students that it is done within the request."""
    return form.source is IssuanceSource.API and len(set(students)) <= SMALL


def first_state(
    form: NewIssuance, now: int, undo_ms: int, *, counts_down: bool
) -> tuple[IssuanceState, int]:
    """Return the state of a new issuance, and when it starts (ms). `undo_ms`: how long it counts down."""
    wanted = now if form.send_at is None else max(now, form.send_at)
    earliest = now + undo_ms if counts_down else now
    if wanted > earliest:
        return IssuanceState.SCHEDULED, wanted
    if earliest > now:
        return IssuanceState.COUNTING_DOWN, earliest
    return IssuanceState.RUNNING, now


Grants = Mapping[StudentId, tuple[BatchId, ...]]
"""The coupons that each student of a piece would get, as their batches: one, or those of a pack."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of a batch at the moment of a piece, for all of its students."""

    is_stopped: bool
    is_open: bool


def standing_outcome(standings: Collection[Standing]) -> ItemOutcome | None:
    """Return the outcome of everybody who would get coupons of these batches; None: it depends on the
    student."""
    if any(one.is_stopped for one in standings):
        return ItemOutcome.STOPPED
    if not all(one.is_open for one in standings):
        return ItemOutcome.NOT_ELIGIBLE
    return None


def window_refusal(
    batch: Batch, template: Template, campaign: Campaign | None, at: int
) -> str | None:
    """Return why coupons of the batch may not go out at that time (ms); None if they may.

    The order is that of every check: the batch's window, the campaign's, and no coupon that is over already.
    """
    window = batch.claim_window
    if window is not None and not window.from_at <= at < window.until_at:
        return "the batch cannot be claimed then"
    if campaign is not None and not campaign.starts_at <= at < campaign.ends_at:
        return "its campaign is not under way then"
    validity = template.form.validity
    if isinstance(validity, FixedValidity) and at >= validity.until_at:
        return "its coupons are over then"
    return None
