"""Parses and writes a room's drop as the feed stores it in Redis: JSON, instants in ms UTC.

Used by feed.py and feed_messages.py. Students get another form of the drop (`wire.public_drop`).
"""

from typing import Any

import orjson

from server.core.drops.claims import Audience
from server.core.drops.draw_cards import DrawCard, DrawPhase
from server.core.drops.drops import CloseReason, RoomDrop, Window
from server.core.drops.room_cards import bounded
from server.core.drops.tasks import read_task, task_to_json
from server.core.promotions.claim_conditions import conditions_to_json, read_conditions


def dump(drop: RoomDrop) -> bytes:
    """Return the JSON of the drop, with its texts within their bounds."""
    drop = bounded(drop)
    return orjson.dumps(
        {
            **_optional_fields(drop),
            "id": drop.id,
            "room": drop.room,
            "shard": drop.shard,
            "batch_id": drop.batch_id,
            "per_student": drop.per_student,
            "tags": sorted(drop.audience.tags),
            "students": sorted(drop.audience.students),
            "name": drop.name,
            "description": drop.description,
            "message": drop.message,
            "currency": drop.currency,
            "discount": drop.discount,
            "threshold": drop.threshold,
            "scope": drop.scope,
            "validity": drop.validity,
            "mode": drop.mode,
            "quantity": drop.quantity,
            "opens_at": drop.window.opens_at,
            "closes_at": drop.window.closes_at,
            "style": drop.style,
            "hold_seconds": drop.hold_seconds,
            "use_url": drop.use_url,
            "closed_at": drop.closed_at,
            "close_reason": drop.close_reason,
            # Left out if empty: a process of an earlier version, beside this one in a deploy, does not know
            # it.
            **({"deducts": drop.deducts} if drop.deducts else {}),
            **({"draw": drop.draw} if drop.draw is not None else {}),
        }
    )


def _optional_fields(drop: RoomDrop) -> dict[str, object]:
    """Return the fields that most drops do not have."""
    conditions = drop.audience.conditions
    fields: dict[str, object] = {}
    if not conditions.is_anybody:
        fields["conditions"] = conditions_to_json(conditions)
    if drop.task is not None:
        fields["task"] = task_to_json(drop.task)
    if drop.window.is_open_end:
        fields["open_end"] = True
    if drop.rehearsal:
        fields["rehearsal"] = True
    if drop.show_winners:
        fields["show_winners"] = True
    if drop.seal:
        fields["seal"] = drop.seal
    return fields if drop.campaign_id is None else fields | {"campaign_id": drop.campaign_id}


def load(text: bytes) -> RoomDrop:
    """Parse the JSON that `dump` wrote."""
    return of_fields(orjson.loads(text))


def of_fields(fields: Any) -> RoomDrop:
    """Build the drop from the decoded JSON of `dump`."""
    f = dict(fields)
    f.pop("untold", None)  # set by publish.lua
    conditions = read_conditions(f.pop("conditions", None))
    task = read_task(f.pop("task", None))
    audience = Audience(frozenset(f.pop("tags")), frozenset(f.pop("students")), conditions)
    window = Window(f.pop("opens_at"), f.pop("closes_at"), f.pop("open_end", False))
    draw = f.pop("draw", None)
    reason = f.pop("close_reason")
    return RoomDrop(
        **f,
        audience=audience,
        task=task,
        window=window,
        draw=DrawCard(**{**draw, "phase": DrawPhase(draw["phase"])}) if draw else None,
        close_reason=CloseReason(reason) if reason is not None else None,
    )
