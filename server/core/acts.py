"""Acts: who did what, kept for ever.

Made by the flows that change something, in the transaction that changes it. Stored by ledger/acts.py, where
rows are only added; published by the API to operators and finance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """The name of an act: the thing, a dot, and the verb."""

    TEMPLATE_MADE = "template.made"
    TEMPLATE_REPLACED = "template.replaced"
    BATCH_MADE = "batch.made"
    BATCH_CHANGED = "batch.changed"
    BATCH_STOPPED = "batch.stopped"
    BATCH_RESUMED = "batch.resumed"
    BATCH_ENDED = "batch.ended"
    CAMPAIGN_MADE = "campaign.made"
    CAMPAIGN_CHANGED = "campaign.changed"
    CAMPAIGN_STOPPED = "campaign.stopped"
    CAMPAIGN_RESUMED = "campaign.resumed"
    ALL_STOPPED = "all.stopped"
    ALL_RESUMED = "all.resumed"
    TRIGGER_MADE = "trigger.made"
    TRIGGER_CHANGED = "trigger.changed"
    TRIGGER_ACTIVATED = "trigger.activated"
    TRIGGER_PAUSED = "trigger.paused"
    AUDIENCE_MADE = "audience.made"
    AUDIENCE_REPLACED = "audience.replaced"
    PRICE_RULE_MADE = "price_rule.made"
    PRICE_RULE_ENDED = "price_rule.ended"
    PRICE_RULE_OVERRIDDEN = "price_rule.overridden"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    APPROVAL_EXPIRED = "approval.expired"
    CODES_MADE = "codes.made"
    CODES_VOIDED = "codes.voided"
    COUPON_VOIDED = "coupon.voided"
    ISSUANCE_MADE = "issuance.made"
    ISSUANCE_STOPPED = "issuance.stopped"
    ISSUANCE_UNDONE = "issuance.undone"
    DROP_MADE = "drop.made"
    DROP_OPENED = "drop.opened"
    DROP_TOPPED_UP = "drop.topped_up"
    DROP_EXTENDED = "drop.extended"
    DROP_CLOSED = "drop.closed"
    DROP_EDITED = "drop.edited"
    DROP_REMOVED = "drop.removed"
    DROP_REOPENED = "drop.reopened"
    DROP_FIRED = "drop.fired"
    ORDER_WRITTEN = "running_order.written"
    ORDER_HELD = "running_order.held"
    ORDER_RESUMED = "running_order.resumed"
    CLASS_STARTED = "class.started"
    LINK_MADE = "link.made"
    LINK_CHANGED = "link.changed"
    DRAW_ABORTED = "draw.aborted"
    IMPORT_MADE = "import.made"
    PACK_MADE = "pack.made"
    EXPERIMENT_STARTED = "experiment.started"
    EXPERIMENT_ENDED = "experiment.ended"
    OFFER_MADE = "offer.made"
    OFFER_WITHDRAWN = "offer.withdrawn"
    LOTTERY_MADE = "lottery.made"
    LOTTERY_CHANGED = "lottery.changed"
    ORDER_REFUNDED = "order.refunded"
    WEBHOOK_MADE = "webhook.made"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_ROTATED = "webhook.rotated"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_REMOVED = "webhook.removed"
    WEBHOOK_DISABLED = "webhook.disabled"
    STUDENT_EXPORTED = "student.exported"
    STUDENT_ERASED = "student.erased"
    BLOCK_MADE = "block.made"
    BLOCK_ENDED = "block.ended"
    STUDENT_MERGED = "student.merged"
    TOKENS_REVOKED = "tokens.revoked"
    INSTRUCTOR_STOPPED = "instructor.stopped"
    INSTRUCTOR_RESUMED = "instructor.resumed"
    BUDGET_RAISED = "budget.raised"
    ALERT_ACTED = "alert.acted"
    ALERT_DISMISSED = "alert.dismissed"
    CONSISTENCY_REPAIRED = "consistency.repaired"


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `actor` is the token's subject, `subject` the id of what it was done to. `detail` uses the
    names and forms of the contract; it never has a token or a code."""

    id: str
    at: int
    actor: str
    action: Action
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


def actions_named(name: str) -> tuple[Action, ...]:
    """Return the action of this name, or all on a thing such as `batch`; empty where there is none."""
    return tuple(action for action in Action if name in (action.value, action.value.split(".")[0]))
