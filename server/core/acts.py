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
    CAMPAIGN_MADE = "campaign.made"
    CAMPAIGN_STOPPED = "campaign.stopped"
    CAMPAIGN_RESUMED = "campaign.resumed"
    ALL_STOPPED = "all.stopped"
    ALL_RESUMED = "all.resumed"
    CODES_MADE = "codes.made"
    CODES_VOIDED = "codes.voided"
    DROP_MADE = "drop.made"
    DROP_OPENED = "drop.opened"
    DROP_TOPPED_UP = "drop.topped_up"
    DROP_EXTENDED = "drop.extended"
    DROP_CLOSED = "drop.closed"
    ORDER_REFUNDED = "order.refunded"


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
