"""The columns of text that are no student's: names that the school's staff made, and what an order is about.

Read by a test beside personal_columns.py: whoever adds a column of text puts it here or there, and thinks
for a moment of whom it may name. An order keeps its own words (numbers, lines, references of its payment),
because the school's books need them.
"""

from collections.abc import Mapping
from typing import Final

IMPERSONAL_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "audience_versions": (
        "name",
        "tag",
        "created_by",
    ),
    "batch_rooms": ("room",),
    "batches": (
        "name",
        "channel",
        "metadata",
        "created_by",
        "claim_conditions",
        "remind_before",
        "ended_by",
    ),
    "campaigns": (
        "name",
        "purpose",
        "phases",
        "metadata",
        "created_by",
    ),
    "code_runs": ("created_by", "metadata"),
    "cues": ("room",),
    "stages": ("room", "started_by", "held_by"),
    "draws": ("commitment", "root", "seed"),
    # Random digits, and hashes that the school makes of a person or a device (emptied by an erasure).
    "draw_entries": ("client_random", "device", "leaf", "person", "pseudonym", "request_id"),
    "drops": (
        "room",
        "message",
        "metadata",
        "created_by",
        "task",
    ),
    "links": ("slug", "channel", "metadata", "created_by"),
    # Orders, and where their coupons came from; `instructor` is a teacher.
    "statement_lines": (
        *("date", "kind", "order", "line", "course", "currency", "code", "channel", "room"),
        *("instructor", "payment_ref", "refund", "for_date"),
    ),
    # Sums; `value` may be a teacher.
    "report_span_sums": ("by", "room", "span", "value", "course", "currency", "measure"),
    "report_sums": ("by", "room", "day", "value", "course", "currency", "measure"),
    "support_days": ("subject", "day"),
    "statement_days": ("date", "totals", "sha256", "prev_sha256"),
    # Hashes, and the ids of claims. The leaves hide their students.
    "drop_seals": ("root", "seal", "claims", "previous"),
    "erasures": (
        "student_hash",
        "pseudonym",
        "asked_by",
    ),
    # Hashes that the school makes of a person or a device; no student's id. They go on counting for the other
    # accounts of the person. Whose account a student's is goes with `student_persons`.
    "device_slots": ("device",),
    "person_slots": ("person",),
    "event_positions": ("reader",),
    "experiments": ("name", "state", "currency", "metadata", "created_by", "result"),
    "idempotency_keys": (
        "subject",
        "path",
        "key",
        "body_hash",
    ),
    "issuances": (
        "repeat",
        "notify",
        "metadata",
        "created_by",
        "undone_to",
    ),
    "jobs": (
        "created_by",
        "result_name",
        "result_type",
    ),
    "rebates": ("shares",),
    "redemption_coupons": ("shares",),
    "redemptions": (
        "order_id",
        "order",
        "lines",
        "payment_ref",
        "gifts",
        "rebates",
        "balance_shares",
    ),
    "refunded_lines": ("line_id",),
    "refunds": (
        "refund_id",
        "asked",
        "lines",
        "coupons",
        "metadata",
    ),
    "stops": ("changed_by",),
    "template_versions": (
        "name",
        "description",
        "discount",
        "threshold",
        "scope",
        "validity",
        "style",
        "use_url",
        "metadata",
        "created_by",
        "deducts",
        "stacking",
        "returns",
    ),
    "issuance_items": ("desk_slots",),
    "watched": ("reasons",),
    "alerts": ("dismissed_by", "ended_by", "facts", "kind", "subject"),
    "webhooks": ("created_by", "metadata", "old_secret", "secret", "types", "url"),
    "imports": ("created_by", "ignored_columns"),
    "trigger_versions": ("created_by",),
    "packs": ("created_by", "items", "metadata", "name", "variants"),
    "approvals": ("asked_by", "decided_by", "facts", "kind", "plan", "state", "subject"),
    "price_overrides": ("created_by",),
    "price_rules": ("courses", "created_by", "metadata"),
    "offers": ("room",),
    "audiences": ("metadata",),
    "lotteries": ("created_by", "form"),
    "lottery_days": ("seed",),
}
