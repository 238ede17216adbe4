"""Build the public form of a drop, as its room receives it, from the ledger's rows.

Called by the flows that publish to the feed: those of drops, and the rebuild.
"""

from dataclasses import replace

from server.contract_json import template_form_to_json
from server.core.drops.drops import RoomDrop
from server.core.promotions.batches import Batch
from server.core.promotions.templates import GOODS_ONLY, Template
from server.ledger.drops.drops import DropRow


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
        batch_id=row.batch_id,
        per_student=row.per_student,
        audience=replace(row.audience, conditions=batch.conditions),
        name=form.name,  # the batch's name is for the school's staff only
        description=form.description,
        message=row.message,
        currency=form.currency,
        discount=fields["discount"],
        threshold=fields["threshold"],
        scope=fields["scope"],
        validity=fields["validity"],
        mode=row.mode,
        quantity=row.quantity,
        window=row.window,
        style=form.style,
        hold_seconds=batch.hold_seconds,
        use_url=form.use_url,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        deducts=() if form.deducts == GOODS_ONLY else fields["deducts"],
        campaign_id=batch.campaign_id,
    )
