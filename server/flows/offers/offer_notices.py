"""Tell of offers: the school by events, in the transaction; the student by frames, after it.

Called by the other flows of offers. A frame that is lost is no harm: the student's client reads its open
offers when it joins, and when it comes back.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.event_types import Event, EventType
from server.core.instants import to_text
from server.core.offers.offers import Offer
from server.core.promotions.templates import Template
from server.desk import DeskUnavailableError
from server.desk.feed.coupon_changes import CouponChange
from server.desk.feed.feed import Feed
from server.frames.offer_frames import offer_frame, withdrawn_frame
from server.ledger import event_log

# A frame is a kilobyte, and every gateway reads every publication: 20 KB, a fifth of a millisecond.
FRAMES_AT_ONCE: Final = 20
_log = structlog.get_logger()


async def record_made(conn: AsyncConnection, made: Sequence[Offer], now: int) -> None:
    """Record that units are kept for these students."""
    await event_log.record(
        conn,
        [
            _event(
                EventType.OFFER_MADE,
                one,
                now,
                course=one.course,
                expires_at=to_text(one.expires_at),
            )
            for one in made
        ],
    )


async def record_accepted(conn: AsyncConnection, offer: Offer, now: int) -> None:
    """Record that the student has taken the offer."""
    event = _event(EventType.OFFER_ACCEPTED, offer, now, coupon_id=offer.coupon_id)
    await event_log.record(conn, [event])


async def record_ended(conn: AsyncConnection, offer: Offer, now: int) -> None:
    """Record that the offer is open no more, and was not taken."""
    event = _event(EventType.OFFER_ENDED, offer, now, state=offer.state.value)
    await event_log.record(conn, [event])


def _event(kind: EventType, offer: Offer, now: int, **more: object) -> Event:
    data = {"room": offer.room, "batch_id": offer.batch_id, **more}
    shown = {name: value for name, value in data.items() if value is not None}
    return Event(kind, now, offer.id, shown, offer.student)


async def show_made(feed: Feed, made: Sequence[Offer], templates: Mapping[str, Template]) -> None:
    """Send each student their offer, in whichever room they are."""
    await _send(
        feed,
        [CouponChange(one.student, offer_frame(one, templates[one.batch_id])) for one in made],
    )


async def show_ended(feed: Feed, ended: Sequence[Offer]) -> None:
    """Tell each student's other clients that the offer is open no more."""
    await _send(feed, [CouponChange(one.student, withdrawn_frame(one)) for one in ended])


async def _send(feed: Feed, frames: Sequence[CouponChange]) -> None:
    if not frames:
        return
    try:
        for start in range(0, len(frames), FRAMES_AT_ONCE):
            await feed.publish_changes(frames[start : start + FRAMES_AT_ONCE])
    except DeskUnavailableError as error:
        _log.warning("offers_not_shown", offers=len(frames), error=str(error))
