"""Follow the events, and add what they say to the sums of reports.

Called by a worker; any number of workers may call it, and the lock of the reader's position lets one of them
add at a time. Sums and position are committed together, so an event is added once, whatever dies. An event
that comes late is added to the day on which it happened. A first start adds all that the log still has.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.redemptions import Redemption
from server.core.event_types import EventType
from server.core.reports.measures import Origin
from server.core.reports.rollup import Rollup, follows_within
from server.flows.events.follow_pages import follow_pages
from server.ledger import event_log, event_positions
from server.ledger.checkout import redemptions
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent
from server.ledger.reports import origins, sums
from server.ledger.reports.origins import Origins, Placed

READER: Final = "reports"
_COUPON_TYPES: Final = (
    EventType.COUPON_CONFIRMED.value,
    EventType.COUPON_RELEASED.value,
    EventType.COUPON_REVOKED.value,
    EventType.COUPON_EXPIRED.value,
)
_ORDER_TYPES: Final = (EventType.REDEMPTION_REDEEMED.value, EventType.REDEMPTION_REFUNDED.value)
_TYPES: Final = (*_COUPON_TYPES, *_ORDER_TYPES, EventType.DROP_OPENED.value)
_PAGE: Final = 1_000  # events of one transaction
_RESTS: Final = 2.0  # a third of the time: 10,000 events/s go through, and nobody waits for a sum
_SPAN: Final = 5_000  # numbers that one page looks through


async def roll_up(ledger: Ledger, zone: ZoneInfo) -> int:
    """Add the events that have come, a few pages at most; return how many."""
    return await follow_pages(ledger, READER, lambda: _page(ledger, zone), rests=_RESTS)


async def _page(ledger: Ledger, zone: ZoneInfo) -> tuple[int, bool]:
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER, 0)
        if position is None:
            return 0, False
        last = await event_positions.last_number(conn)
        end = min(last, position + _SPAN)
        events, until = await event_log.read_range(conn, position, end, _TYPES, _PAGE)
        rollup = Rollup(zone)
        await _coupons(conn, rollup, [one for one in events if one.type in _COUPON_TYPES])
        await _drops(conn, rollup, [one for one in events if one.type == EventType.DROP_OPENED])
        for event in events:
            if event.type in _ORDER_TYPES:
                await _order(conn, rollup, event)
        await sums.add(conn, rollup.sums)
        await event_positions.move(conn, READER, until)
        return len(events), until < last


async def _coupons(conn: AsyncConnection, rollup: Rollup, events: Sequence[NumberedEvent]) -> None:
    if not events:
        return
    told = [(one, _data(one)) for one in events]
    placed = {one.seq: Placed(data["batch_id"], data.get("drop_id")) for one, data in told}
    found = await origins.find(conn, set(placed.values()))
    ended = [one.subject for one in events if one.type != EventType.COUPON_CONFIRMED]
    over = await origins.expired_before(conn, ended) if ended else set()
    # An issuance confirms thousands of coupons at one moment: they are counted together.
    confirmed: Counter[tuple[int, str, Origin]] = Counter()
    for event, data in told:
        origin = found.at(placed[event.seq], event.at)
        if event.type == EventType.COUPON_CONFIRMED:
            confirmed[event.at, data["source"], origin] += 1
        elif event.type == EventType.COUPON_EXPIRED:
            rollup.expired(event.at, origin)
        else:
            rollup.ended(event.at, data["source"], origin, event.subject not in over)
    for (at, source, origin), times in confirmed.items():
        rollup.issued(at, source, origin, times)


async def _drops(conn: AsyncConnection, rollup: Rollup, events: Sequence[NumberedEvent]) -> None:
    told = [(one, _data(one)) for one in events]
    real = [(one, data) for one, data in told if not data.get("rehearsal")]
    if not real:
        return
    placed = {one.seq: Placed(data["batch_id"], one.subject) for one, data in real}
    found = await origins.find(conn, set(placed.values()))
    present = await origins.present_at_open(conn, [one.subject for one, _ in real])
    for event, _ in real:
        rollup.reached(
            event.at, present.get(event.subject, 0), found.at(placed[event.seq], event.at)
        )


async def _order(conn: AsyncConnection, rollup: Rollup, event: NumberedEvent) -> None:
    order = await redemptions.find(conn, event.subject)
    if order is None:
        raise LookupError(f"event {event.seq} is about {event.subject}, which is not in the ledger")
    if event.type == EventType.REDEMPTION_REDEEMED:
        at = _paid_at(order, event)
        rollup.paid(at, order, await _origins_of(conn, order, at))
        await _followed(conn, rollup, order, at)
        return
    refund_id = _data(event)["refund_id"]
    refund = next(one for one in order.refunds if one.refund_id == refund_id)
    rollup.refunded(order, refund, await _origins_of(conn, order, refund.created_at))


async def _followed(conn: AsyncConnection, rollup: Rollup, order: Redemption, at: int) -> None:
    """Count the student's order before this one as followed by another."""
    last = await origins.order_before(conn, order.student, at, order.id)
    if last is None:
        return
    before_id, before_at = last
    within = follows_within(before_at, at)
    before = await redemptions.find(conn, before_id) if within else None
    if before is None or not before.coupons:
        return
    used = await _origins_of(conn, before, before_at)
    for days in within:
        rollup.followed(before_at, days, before.order.currency, used.values())


async def _origins_of(conn: AsyncConnection, order: Redemption, at: int) -> dict[str, Origin]:
    ids = [coupon.coupon_id for coupon in order.coupons]
    if not ids:
        return {}
    placed = await origins.of_coupons(conn, ids)
    found: Origins = await origins.find(conn, set(placed.values()))
    return {coupon_id: found.at(placed[coupon_id], at) for coupon_id in ids}


def _paid_at(order: Redemption, event: NumberedEvent) -> int:
    return event.at if order.paid_at is None else order.paid_at


def _data(event: NumberedEvent) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(event.data)
    return data
