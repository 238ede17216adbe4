"""Tells students that a coupon of theirs has moved: put on an order, used, free again, kept by an order.

Called with the coupons that a process has just moved (coupon_publisher.py), and by workers for those of a
process that died before it told (`publish_left_behind`). The desk comes first: whoever joins afterwards reads
there how the coupon stands, and whoever is connected hears of it. What is told is how the ledger has it by
then, with the number of its moves; desk and clients keep the higher number, so each step may be repeated,
in any order.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server import coupon_frames
from server.core.coupons.coupons import Coupon, CouponState, Standing
from server.desk import DeskUnavailableError
from server.desk.coupon_changes import CouponChange
from server.desk.fence import ConfirmedClaim
from server.flows.stores import Stores
from server.ledger.coupons import coupon_changes, coupons

AT_ONCE: Final = 200
_A_ROUND: Final = 2_000
# Released and revoked are told as losses of a claim; the desk frees their units by that.
_LOST: Final = (CouponState.RELEASED, CouponState.REVOKED)
_log = structlog.get_logger()

PublishedVersion = tuple[str, int]  # coupon id, version


class CouponStatus(NamedTuple):
    coupon: Coupon
    standing: Standing
    shard: int | None  # None: no drop gave it

    @property
    def told(self) -> PublishedVersion:
        return self.coupon.id, self.standing.version

    @property
    def is_on_desk(self) -> bool:
        return self.shard is not None and self.standing.state not in _LOST


async def publish_coupons(stores: Stores, ids: Collection[str]) -> list[PublishedVersion]:
    """Those that were told; the others (their shard of the desk is away) are told later, by whoever finds
    them. DeskUnavailableError, LedgerUnavailableError: none was, as far as we know."""
    async with stores.ledger.read() as conn:
        found = await read_statuses(conn, ids)
    unreached = await _show(stores, found)
    reached = [one for one in found if one.shard not in unreached]
    changes = [
        CouponChange(one.coupon.student, _frame(one))
        for one in reached
        if one.coupon.student is not None and one.standing.state not in _LOST
    ]
    if changes:
        await stores.feed.publish_changes(changes)
    return [one.told for one in reached]


async def publish_left_behind(stores: Stores, older_than_ms: int, now: int) -> int:
    """Tells what was moved so long ago and nobody has told of, in a process that died perhaps; how many.
    Any number of workers may do it at once."""
    async with stores.ledger.read() as conn:
        ids = await coupon_changes.unpublished(conn, now - older_than_ms, _A_ROUND)
    done = 0
    for start in range(0, len(ids), AT_ONCE):
        told = await publish_coupons(stores, ids[start : start + AT_ONCE])
        await mark_published(stores, told)
        done += len(told)
    return done


async def mark_published(stores: Stores, told: Sequence[PublishedVersion]) -> None:
    if told:
        async with stores.ledger.begin() as conn:
            await coupon_changes.mark_published(conn, told)


async def read_statuses(conn: AsyncConnection, ids: Collection[str]) -> list[CouponStatus]:
    """Each of these coupons as its student is to see it, in one look at the ledger."""
    found = await coupons.by_ids(conn, ids)
    standings = await coupon_changes.standings(conn, ids)
    of_drops = {one.drop_id for one in found if one.drop_id is not None}
    shards = await coupon_changes.shards_of(conn, of_drops) if of_drops else {}
    return [CouponStatus(one, standings[one.id], _shard_of(one, shards)) for one in found]


def _shard_of(coupon: Coupon, shards: Mapping[str, int]) -> int | None:
    return None if coupon.drop_id is None else shards[coupon.drop_id]


def confirmed_claim(one: CouponStatus) -> ConfirmedClaim | None:
    """As the desk keeps it; None where no claim of a student gave it."""
    coupon = one.coupon
    if coupon.drop_id is None or coupon.student is None or coupon.claim_id is None:
        return None
    shown = orjson.dumps(coupon_frames.coupon_fields(coupon, one.standing))
    return ConfirmedClaim(coupon.drop_id, coupon.student, coupon.claim_id, shown)


async def _show(stores: Stores, found: Sequence[CouponStatus]) -> set[int | None]:
    """On the desk; the shards that did not answer."""
    by_shard: defaultdict[int, list[ConfirmedClaim]] = defaultdict(list)
    for one in found:
        claim = confirmed_claim(one) if one.is_on_desk else None
        if claim is not None and one.shard is not None:
            by_shard[one.shard].append(claim)
    unreached = set[int | None]()
    for shard, claims in by_shard.items():
        try:
            await stores.desk.replace_coupons(shard, claims)
        except DeskUnavailableError as error:
            _log.warning("coupons_not_shown", shard=shard, error=str(error))
            unreached.add(shard)
    return unreached


def _frame(one: CouponStatus) -> dict[str, object]:
    coupon = one.coupon
    return coupon_frames.coupon_changed(coupon.id, coupon.drop_id, coupon.use_by, one.standing)
