"""Confirm the claims of rehearsals: on the desk and in the room, and nowhere else.

Called by persist_claims.py. The ledger has no row of them: no claim, no coupon, no slot, no event. What a
tester sees is marked, and its code is in no table, so no checkout takes it. The desk forgets it a day after
the close. A desk that is rebuilt has the rehearsal without claims: its testers may claim again.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import orjson

from server.core.coupons.coupons import ClaimCoupon
from server.core.ids import CouponId
from server.desk.claims.outbox import OutboxEntry
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import Confirmation
from server.desk.shards.fence import ConfirmedClaim, Fence
from server.flows.coupons.new_coupons import window_of
from server.flows.drops.views.drop_snapshot import read_drop_snapshot
from server.frames import coupon_frames
from server.ledger.engine import Ledger

_CODE_END: Final = 8  # characters of the claim's id: testers tell their codes apart


def is_rehearsed(entry: OutboxEntry) -> bool:
    """Return whether the claim is one of a rehearsal: those count under the id of their drop."""
    return str(entry.batch_id) == str(entry.drop_id)


async def confirm_rehearsed(
    ledger: Ledger, fence: Fence, feed: Feed, entries: Sequence[OutboxEntry]
) -> None:
    """Confirm these claims of one shard. Repeatable."""
    by_drop: defaultdict[str, list[OutboxEntry]] = defaultdict(list)
    for entry in entries:
        by_drop[entry.drop_id].append(entry)
    for drop_id, of_drop in by_drop.items():
        claims = await _confirmed(ledger, drop_id, of_drop)
        await fence.confirm(of_drop[0].shard, claims)
        told = [Confirmation(one.student, one.drop_id, one.coupon) for one in claims]
        await feed.publish_confirmations(of_drop[0].room, told)


async def _confirmed(
    ledger: Ledger, drop_id: str, entries: Sequence[OutboxEntry]
) -> list[ConfirmedClaim]:
    snapshot = await read_drop_snapshot(ledger, drop_id)
    found = []
    for entry in entries:
        window = window_of(snapshot.batch, snapshot.template, entry.won_at)
        coupon = ClaimCoupon(
            id=CouponId(f"cpn_{entry.claim_id.removeprefix('clm_')}"),
            code=f"TEST-{entry.claim_id[-_CODE_END:].upper()}",
            claim_id=entry.claim_id,
            drop_id=entry.drop_id,
            student=entry.student,
            template=snapshot.template,
            valid_from=window.from_at,
            valid_until=window.until_at,
            hold_until=None,
        )
        shown = {"rehearsal": True, **coupon_frames.coupon_fields(coupon)}
        found.append(
            ConfirmedClaim(entry.drop_id, entry.student, entry.claim_id, orjson.dumps(shown))
        )
    return found
