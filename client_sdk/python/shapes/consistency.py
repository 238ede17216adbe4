"""Consistency: what a look for faults has found. Twin of `javascript/shapes/consistency.js`."""

from typing import Literal, NotRequired, TypedDict

from client_sdk.python.shapes.jobs import Job, JobKind

FindingKind = Literal[
    "weak_redis",
    "fence_shut",
    "outbox_waits",
    "intent_left_behind",
    "dead_letter",
    "unrecorded_win",
    "unknown_holder",
    "forgotten_claim",
    "never_confirmed",
    "held_though_gone",
    "another_unit",
    "slot_not_counted",
    "holder_not_counted",
    "desk_differs",
    "unknown_drop",
    "books_do_not_add_up",
    "claims_beyond_stock",
    "claim_without_coupon",
    "coupon_without_claim",
    "batch_counter",
    "budget_differs",
    "erased_student_back",
    "erasures_untold",
    "issuance_differs",
    "trigger_differs",
    "lottery_differs",
    "statement_differs",
    "seal_differs",
    "events_unnumbered",
    "events_missing",
    "reader_ahead",
]


class ExamineForm(TypedDict):
    """`repair`: mend what can be mended without that anybody loses something; needs a `reason`."""

    repair: NotRequired[bool]
    reason: NotRequired[str]


class Finding(TypedDict):
    """A fault: `what` in words, `todo` what mends it, `can_repair` whether a repair does. The other fields
    name what it is about."""

    kind: FindingKind
    what: str
    todo: str
    can_repair: bool
    drop: NotRequired[str]
    room: NotRequired[str]
    student: NotRequired[str]
    unit: NotRequired[int]
    claim: NotRequired[str]
    coupon: NotRequired[str]
    batch: NotRequired[str]
    shard: NotRequired[int]
    at: NotRequired[str]
    campaign: NotRequired[str]
    issuance: NotRequired[str]
    trigger: NotRequired[str]
    lottery: NotRequired[str]
    order: NotRequired[str]
    day: NotRequired[str]


class TriedRepair(TypedDict):
    """`done` false: nothing was changed, and `what` says why."""

    what: str
    done: bool


class LookedAt(TypedDict):
    """The numbers of drops and batches that were compared."""

    drops: int
    open_drops: int
    batches: int


class Examination(TypedDict):
    """`findings`: what was wrong after the `repairs`, the first 20 of a kind; `counts` has all, by kind."""

    job_id: str
    kind: JobKind
    asked_by: str
    reason: str
    done_at: str
    ok: bool
    looked_at: LookedAt
    findings: list[Finding]
    counts: dict[str, int]
    repairs: list[TriedRepair]
    repairs_total: int


class Consistency(TypedDict):
    """`job`: the newest, without its report. `latest`: the result of the newest that is done."""

    job: Job | None
    latest: Examination | None
