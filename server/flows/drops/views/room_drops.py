"""Build the public form of a drop, as its room receives it, from the ledger's rows.

Called by the flows that publish to the feed: those of drops, and the rebuild.
"""

from dataclasses import replace
from typing import Final, TypedDict

from server.contract_json import template_form_to_json
from server.core.drops.claims import Audience
from server.core.drops.drops import RoomDrop
from server.core.ids import BatchId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import GOODS_ONLY, Template
from server.ledger.drops.drop_row import DropRow

# A desk that was rebuilt has forgotten a rehearsal's claims, but maybe not their slots.
_REHEARSED: Final = 100


class DeskLimits(TypedDict):
    """The limits that a drop's claims count for on the desk, as fields of DropDesk.open."""

    batch_id: BatchId
    per_student: int
    campaign_id: str | None
    per_campaign: int | None
    per_person: int | None
    per_device: int | None


def desk_limits(row: DropRow, batch: Batch) -> DeskLimits:
    """Return them. A rehearsal counts for nothing but itself: its slots are under its own id."""
    if row.rehearsal:
        return DeskLimits(
            batch_id=BatchId(row.id),
            per_student=_REHEARSED,
            campaign_id=None,
            per_campaign=None,
            per_person=None,
            per_device=None,
        )
    return DeskLimits(
        batch_id=row.batch_id,
        per_student=row.per_student,
        campaign_id=batch.campaign_id,
        per_campaign=batch.per_campaign,
        per_person=batch.per_person,
        per_device=batch.per_device,
    )


def audience_of(row: DropRow, batch: Batch) -> Audience:
    """Return who may claim: those of the drop who meet the conditions of its batch; of a rehearsal its
    testers, whatever the batch asks of an account.
    """
    return row.audience if row.rehearsal else replace(row.audience, conditions=batch.conditions)


def room_drop(row: DropRow, template: Template, batch: Batch) -> RoomDrop:
    """Return the drop as it is published. `template` is the version that the batch keeps. ValueError for a
    drop that was never opened: it has no window, and must not be published.
    """
    if row.window is None:
        raise ValueError(f"{row.id} has not been opened")
    form = template.form
    fields = template_form_to_json(form)
    return RoomDrop(
        id=row.id,
        room=row.room,
        shard=row.shard,
        # A rehearsal counts no slots of its batch: what it has on the desk is under its own id.
        batch_id=BatchId(row.id) if row.rehearsal else row.batch_id,
        per_student=row.per_student,
        audience=audience_of(row, batch),
        name=form.name,  # the batch's name is for the school's staff only
        description=form.description,
        message=row.message,
        currency=form.currency,
        discount=fields["discount"],
        threshold=fields["threshold"],
        scope=fields["scope"],
        validity=fields["validity"],
        mode=row.mode,
        # What went back to the batch at an earlier close is no part of what the room sees now.
        quantity=row.quantity if row.closed_at is not None else row.in_drop,
        window=row.window,
        style=form.style,
        hold_seconds=batch.hold_seconds,
        use_url=form.use_url,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        deducts=() if form.deducts == GOODS_ONLY else fields["deducts"],
        campaign_id=None if row.rehearsal else batch.campaign_id,
        task=row.task,
        rehearsal=row.rehearsal,
        show_winners=row.show_winners,
        draw=row.draw.card if row.draw is not None else None,
    )
