"""Acts: what operators and teachers did."""

from typing import Literal, TypedDict

Action = Literal[
    "template.made",
    "template.replaced",
    "batch.made",
    "batch.changed",
    "batch.stopped",
    "batch.resumed",
    "campaign.made",
    "campaign.stopped",
    "campaign.resumed",
    "all.stopped",
    "all.resumed",
    "codes.made",
    "codes.voided",
    "drop.made",
    "drop.opened",
    "drop.topped_up",
    "drop.extended",
    "drop.closed",
    "order.refunded",
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
