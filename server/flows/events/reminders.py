"""Ask for a message to each student whose unused coupon ends soon, once for each level of its batch.

Driven by workers, any number of them: a level's position is locked while its page is read and its messages
are asked for, and both are committed together. A message has the coupon and the level as its `once`, so it is
never asked for twice. Whether the coupon is still unused is looked at again when the message is sent.

A coupon is reminded of when its end comes within the level's hours: one that lives for a shorter time, or was
given within them, is not. After a time without workers the ends of that time are caught up with.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Final

from server.core.events.reminders import HOUR_MS, levels, reminds_at, spread
from server.core.instants import to_text
from server.core.messages import DEFAULT_CHANNELS, MessageKind, NewMessage
from server.flows.stores import Stores
from server.ledger import message_queue
from server.ledger.events import reminders as rows
from server.ledger.events.reminders import EndingCoupon, Position

AT_ONCE: Final = 500  # coupons in one transaction
PAGES: Final = 20  # of one level in one round of the worker's job
_ASKED: Final = "asked"  # in place of the hours, where an operator asked for it
# What `once` is around the coupon's id, in the first of the channels.
_MARK: Final = ("remind:", f":{_ASKED}:{DEFAULT_CHANNELS[0].value}")


async def remind(stores: Stores, usual: Sequence[int], now: int) -> int:
    """Ask for the reminders that are due; return how many coupons were looked at. Repeatable.

    `usual`: the hours of the installation, for batches that have none of their own.
    """
    async with stores.ledger.read() as conn:
        own = await rows.levels_of_batches(conn)
    looked_at = 0
    for hours in levels(usual, own):
        for _ in range(PAGES):
            count = await _remind_page(stores, usual, hours, now)
            looked_at += count
            if count < AT_ONCE:
                break
    return looked_at


async def _remind_page(stores: Stores, usual: Sequence[int], hours: int, now: int) -> int:
    until = now + hours * HOUR_MS
    async with stores.ledger.begin() as conn:
        position = await rows.position_for_update(conn, hours, until)
        # What has ended meanwhile is nothing to be reminded of.
        after = max(position, Position(now, ""))
        found = await rows.ending(conn, after, until, AT_ONCE)
        wanted = [
            _reminder(each, hours, now) for each in found if reminds_at(each.levels, usual, hours)
        ]
        await message_queue.request(conn, wanted)
        is_last = len(found) < AT_ONCE
        reached = Position(until, "~") if is_last else Position(found[-1].ends_at, found[-1].id)
        await rows.move(conn, hours, max(position, reached))
    return len(found)


async def remind_of_batch(
    stores: Stores, batch_id: str, until: int, now: int, seconds: float
) -> bool:
    """Ask for a message to each student with an unused coupon of the batch that ends until `until` (ms),
    because an operator wants it; once for each coupon, whatever its batch's own hours are.

    False: `seconds` were not enough, and a second call goes on.
    """
    ends_at = monotonic() + seconds
    while monotonic() < ends_at:
        async with stores.ledger.begin() as conn:
            found = await rows.ending_of_batch(conn, batch_id, now, until, _MARK, AT_ONCE)
            await message_queue.request(conn, [_reminder(each, _ASKED, now) for each in found])
        if len(found) < AT_ONCE:
            return True
    return False


def _reminder(coupon: EndingCoupon, level: int | str, now: int) -> NewMessage:
    """Return the message. `level`: the hours before the end, or _ASKED."""
    hours = level if isinstance(level, int) else 0
    return NewMessage(
        student=coupon.student,
        kind=MessageKind.COUPON_EXPIRES,
        created_at=now,
        not_before=spread(coupon.id, hours, now, coupon.ends_at),
        expires_at=coupon.ends_at,
        data={"name": coupon.name, "use_by": to_text(coupon.ends_at)},
        coupon_id=coupon.id,
        url=coupon.use_url,
        cause=coupon.id,
        once=f"remind:{coupon.id}:{level}",
    )
