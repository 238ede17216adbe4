"""Record what an issuance has done, in the transaction that did it: events for the school, messages to
students.

Called by issue_piece.py and draft_coupons.py for new coupons, and by the flows that start, stop and undo an
issuance.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core import instants
from server.core.coupons.coupon_events import ConfirmedCoupon, confirmed
from server.core.coupons.coupons import use_by
from server.core.coupons.issuances import Issuance
from server.core.event_types import Event, EventType
from server.core.messages import Channel, MessageKind, NewMessage
from server.core.promotions.templates import Template
from server.ledger import event_log, message_queue
from server.ledger.coupons.coupons import IssuedCoupon


async def ask_for_messages(
    conn: AsyncConnection,
    issuance: Issuance,
    made: Sequence[IssuedCoupon],
    template_of: Mapping[str, Template],
    now: int,
) -> None:
    """Ask for a message about each of these coupons, where the issuance wants one."""
    if issuance.notify is None:
        return
    data = {batch_id: {"name": template.form.name} for batch_id, template in template_of.items()}
    await message_queue.request(
        conn, [_message(issuance, one, data[one.batch_id], now) for one in made]
    )


async def record_issuance(
    conn: AsyncConnection, type_: EventType, issuance: Issuance, now: int
) -> None:
    """Record that an issuance was started, finished, stopped or undone."""
    data = {
        "batch_id": issuance.batch_id,
        "pack_id": issuance.pack_id,
        "source": issuance.source.value,
        "source_id": issuance.source_id,
        "asked": issuance.asked,
        "issued": issuance.issued,
        "refused": issuance.refused,
        "held_out": issuance.held_out,
        "taken_back": issuance.taken_back,
    }
    shown = {name: value for name, value in data.items() if value is not None}
    await event_log.record(conn, [Event(type_, now, issuance.id, shown)])


def confirmed_event(coupon: IssuedCoupon, now: int) -> Event:
    """Return the event that this coupon is in its student's wallet."""
    told = ConfirmedCoupon(
        coupon.id,
        coupon.code,
        coupon.student,
        coupon.batch_id,
        coupon.template_id,
        coupon.template_version,
        coupon.valid_from,
        coupon.valid_until,
        coupon.hold_until,
        coupon.source,
        issuance_id=coupon.issuance_id,
    )
    return confirmed(told, now)


def _message(
    issuance: Issuance, coupon: IssuedCoupon, data: Mapping[str, object], now: int
) -> NewMessage:
    notify = issuance.notify or {}
    text, channels = notify.get("text"), notify.get("channels")
    ends_at = use_by(coupon.valid_until, coupon.hold_until)
    return NewMessage(
        student=coupon.student,
        kind=MessageKind.COUPON_ISSUED,
        created_at=now,
        not_before=now,
        expires_at=ends_at,
        text=text if isinstance(text, str) else None,
        data={**data, "use_by": instants.to_text(ends_at)},
        channels=tuple(Channel(one) for one in channels) if isinstance(channels, list) else (),
        coupon_id=coupon.id,
        cause=issuance.id,
        once=f"issued:{coupon.id}",
    )
