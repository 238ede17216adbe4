"""Acts: what operators and teachers did."""

from typing import Literal, TypedDict

Action = Literal[
    "template.made",
    "template.replaced",
    "batch.made",
    "batch.changed",
    "batch.stopped",
    "batch.resumed",
    "batch.ended",
    "campaign.made",
    "campaign.changed",
    "campaign.stopped",
    "campaign.resumed",
    "all.stopped",
    "all.resumed",
    "price_rule.made",
    "price_rule.ended",
    "price_rule.overridden",
    "approval.asked",
    "approval.given",
    "approval.refused",
    "approval.withdrawn",
    "approval.expired",
    "codes.made",
    "codes.voided",
    "coupon.voided",
    "issuance.made",
    "issuance.stopped",
    "issuance.undone",
    "link.made",
    "link.changed",
    "drop.made",
    "drop.opened",
    "drop.topped_up",
    "drop.extended",
    "drop.closed",
    "drop.edited",
    "drop.removed",
    "drop.reopened",
    "drop.fired",
    "running_order.written",
    "running_order.held",
    "running_order.resumed",
    "class.started",
    "draw.aborted",
    "import.made",
    "pack.made",
    "experiment.started",
    "experiment.ended",
    "offer.made",
    "offer.withdrawn",
    "lottery.made",
    "lottery.changed",
    "order.refunded",
    "student.exported",
    "student.erased",
    "webhook.made",
    "webhook.changed",
    "webhook.rotated",
    "webhook.replayed",
    "webhook.removed",
    "webhook.disabled",
    "budget.raised",
    "alert.acted",
    "alert.dismissed",
    "consistency.repaired",
    "block.made",
    "block.ended",
    "student.merged",
    "tokens.revoked",
    "instructor.stopped",
    "instructor.resumed",
    "audience.made",
    "audience.replaced",
    "trigger.made",
    "trigger.changed",
    "trigger.activated",
    "trigger.paused",
]


class Act(TypedDict):
    """The `action` of `actor` on the thing with the id `subject`."""

    id: str
    at: str
    actor: str
    action: Action
    subject: str
    detail: dict[str, object]


class Acts(TypedDict):
    """A page of acts, newest first. `next` is null on the last page."""

    acts: list[Act]
    next: str | None
