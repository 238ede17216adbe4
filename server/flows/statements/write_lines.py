"""Follow payments and refunds, and write the lines of statements that they make.

Called by a worker; any number of workers may call it, and the lock of the reader's position lets one of them
write at a time. Lines and position are committed together, so an event is booked once, whatever dies. A line
whose day is closed already goes to the first day that is open, as an adjustment.
"""

from typing import Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.redemptions import Redemption
from server.core.checkout.refunds import Refund
from server.core.event_types import EventType
from server.core.statements.days import day_of, next_day
from server.core.statements.lines import (
    StatementLine,
    as_adjustment,
    lines_of_refund,
    lines_of_sale,
)
from server.flows.events.follow_pages import follow_pages
from server.ledger import event_log, event_positions
from server.ledger.checkout import redemptions
from server.ledger.engine import Ledger
from server.ledger.event_log import NumberedEvent
from server.ledger.statements import days, lines

READER: Final = "statements"
_TYPES: Final = (EventType.REDEMPTION_REDEEMED.value, EventType.REDEMPTION_REFUNDED.value)
_PAGE: Final = 200  # events of one transaction: about 100 ms of the database
_SPAN: Final = 5_000  # numbers that one page looks through


async def write_lines(ledger: Ledger, zone: ZoneInfo) -> int:
    """Book the payments and refunds that have come, a few pages at most; return how many."""
    return await follow_pages(ledger, READER, lambda: _page(ledger, zone))


async def _page(ledger: Ledger, zone: ZoneInfo) -> tuple[int, bool]:
    async with ledger.begin() as conn:
        position = await event_positions.take(conn, READER)
        if position is None:
            return 0, False
        last = await event_positions.last_number(conn)
        end = min(last, position + _SPAN)
        events, until = await event_log.read_range(conn, position, end, _TYPES, _PAGE)
        closed = await days.last_closed(conn)
        for event in events:
            made = await _lines_of(conn, event, zone)
            await lines.write(conn, event.seq, [_dated(line, closed) for line in made])
        await event_positions.move(conn, READER, until)
        return len(events), until < last


async def _lines_of(
    conn: AsyncConnection, event: NumberedEvent, zone: ZoneInfo
) -> list[StatementLine]:
    redemption = await redemptions.find(conn, event.subject)
    if redemption is None:
        raise LookupError(f"event {event.seq} is about {event.subject}, which is not in the ledger")
    uses = await lines.uses_of(conn, [coupon.coupon_id for coupon in redemption.coupons])
    if event.type == EventType.REDEMPTION_REDEEMED:
        paid_at = event.at if redemption.paid_at is None else redemption.paid_at
        return list(lines_of_sale(redemption, uses, day_of(paid_at, zone)))
    refund_id = orjson.loads(event.data)["refund_id"]
    refund = _refund_of(redemption, refund_id)
    return list(lines_of_refund(redemption, refund, uses, day_of(refund.created_at, zone)))


def _refund_of(redemption: Redemption, refund_id: str) -> Refund:
    return next(one for one in redemption.refunds if one.refund_id == refund_id)


def _dated(line: StatementLine, closed: str | None) -> StatementLine:
    return line if closed is None or line.date > closed else as_adjustment(line, next_day(closed))
