"""A drop as its room is told of it, made of the ledger's rows.

Called by whoever publishes to the feed: the flows of drops and the rebuild.
"""

from dataclasses import replace

from server.core.drops.drops import RoomDrop
from server.core.promotions.batches import Batch
from server.core.promotions.template_parts import (
    deducts_to_json,
    discount_to_json,
    scope_to_json,
    threshold_to_json,
    validity_to_json,
)
from server.core.promotions.templates import GOODS_ONLY, Template
from server.ledger.drops.drops import DropRow


def room_drop(row: DropRow, template: Template, batch: Batch) -> RoomDrop:
    """`template` is the version that the batch keeps. ValueError for a drop that has no window yet:
    there is nothing to tell.
    """
    if row.window is None:
        raise ValueError(f"{row.id} has not been opened")
    return RoomDrop(
        id=row.id,
        room=row.room,
        shard=row.shard,
        batch_id=row.batch_id,
        per_student=row.per_student,
        audience=replace(row.audience, conditions=batch.conditions),
        name=template.name,  # the batch's own name is the school's business
        description=template.description,
        message=row.message,
        currency=template.currency,
        discount=discount_to_json(template.discount),
        threshold=threshold_to_json(template.threshold),
        scope=scope_to_json(template.scope),
        validity=validity_to_json(template.validity),
        mode=row.mode,
        quantity=row.quantity,
        window=row.window,
        style=template.style,
        hold_seconds=batch.hold_seconds,
        use_url=template.use_url,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        deducts=() if template.deducts == GOODS_ONLY else deducts_to_json(template.deducts),
        campaign_id=batch.campaign_id,
    )
