"""Publish to students that a coupon of theirs has changed: locked on an order, used, free again, or kept.

Called by coupon_publisher.py with the coupons that this process has just changed, and by workers for those of
a process that died before it published them (`publish_left_behind`). Order, and why: the desk first, so that
a student who joins later reads the new state there; then the feed, for those who are connected.

What is published is the state in the ledger at that moment, with the version that the ledger counts up with
each change. Desk and clients keep the higher version, so each step may be repeated, and in any order.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import Coupon, CouponState, Standing
from server.desk import DeskUnavailableError
from server.desk.feed.coupon_changes import CouponChange
from server.desk.shards.fence import ConfirmedClaim
from server.flows.stores import Stores
from server.frames import coupon_frames
from server.ledger.coupons import coupon_changes, coupons

AT_ONCE: Final = 200  # coupons in one publication
_MAX_PER_CALL: Final = 2_000  # coupons in one call of a worker
# These two are published as losses of a claim, and the desk frees their units with that.
_LOST: Final = (CouponState.RELEASED, CouponState.REVOKED)
_log = structlog.get_logger()

PublishedVersion = tuple[str, int]  # coupon id, version


class CouponStatus(NamedTuple):
    """A coupon with its standing, and the desk shard of its drop; None where no drop gave it."""

    coupon: Coupon
    standing: Standing
    shard: int | None

    @property
    def version(self) -> PublishedVersion:
        """Coupon id and version, to be marked as published."""
        return self.coupon.id, self.standing.version

    @property
    def is_on_desk(self) -> bool:
        """True for a coupon of a drop that is not lost."""
        return self.shard is not None and not self.is_lost

    @property
    def is_lost(self) -> bool:
        """True for a coupon of a drop that is published as a loss. One that was issued without a drop is
        published like every other change.
        """
        return self.coupon.drop_id is not None and self.standing.state in _LOST


async def publish_coupons(stores: Stores, ids: Collection[str]) -> list[PublishedVersion]:
    """Publish these coupons, and return the versions that were published. Repeatable.

    Coupons of a shard that is unavailable are left out: a worker publishes them later. DeskUnavailableError,
    LedgerUnavailableError: perhaps none was published.
    """
    async with stores.ledger.read() as conn:
        found = await read_statuses(conn, ids)
    unavailable = await _write_to_desk(stores, found)
    written = [one for one in found if one.shard not in unavailable]
    changes = [
        CouponChange(one.coupon.student, _frame(one))
        for one in written
        if one.coupon.student is not None and not one.is_lost
    ]
    if changes:
        await stores.feed.publish_changes(changes)
    return [one.version for one in written]


async def publish_left_behind(stores: Stores, older_than_ms: int, now: int) -> int:
    """Publish changes that are older than `older_than_ms` and not marked as published; return how many.

    Their process may have died. Any number of workers may call it at the same time.
    """
    async with stores.ledger.read() as conn:
        ids = await coupon_changes.unpublished(conn, now - older_than_ms, _MAX_PER_CALL)
    done = 0
    for start in range(0, len(ids), AT_ONCE):
        published = await publish_coupons(stores, ids[start : start + AT_ONCE])
        await mark_published(stores, published)
        done += len(published)
    return done


async def mark_published(stores: Stores, published: Sequence[PublishedVersion]) -> None:
    """Mark these versions as published in the ledger. A newer version of a coupon stays unmarked."""
    if published:
        async with stores.ledger.begin() as conn:
            await coupon_changes.mark_published(conn, published)


async def read_statuses(conn: AsyncConnection, ids: Collection[str]) -> list[CouponStatus]:
    """Return the current status of each of these coupons, in no particular order."""
    found = await coupons.by_ids(conn, ids)
    standings = await coupon_changes.standings(conn, ids)
    drop_ids = {one.drop_id for one in found if one.drop_id is not None}
    shards = await coupon_changes.shards_of(conn, drop_ids) if drop_ids else {}
    return [CouponStatus(one, standings[one.id], _shard_of(one, shards)) for one in found]


def _shard_of(coupon: Coupon, shards: Mapping[str, int]) -> int | None:
    return None if coupon.drop_id is None else shards[coupon.drop_id]


def confirmed_claim(one: CouponStatus) -> ConfirmedClaim | None:
    """Return the claim with its coupon as the desk keeps it; None for a coupon without a student's claim."""
    coupon = one.coupon
    if coupon.drop_id is None or coupon.student is None or coupon.claim_id is None:
        return None
    shown = orjson.dumps(coupon_frames.coupon_fields(coupon, one.standing))
    return ConfirmedClaim(coupon.drop_id, coupon.student, coupon.claim_id, shown)


async def _write_to_desk(stores: Stores, found: Sequence[CouponStatus]) -> set[int | None]:
    """Replace the coupons on the desk; return the shards that are unavailable."""
    by_shard: defaultdict[int, list[ConfirmedClaim]] = defaultdict(list)
    for one in found:
        claim = confirmed_claim(one) if one.is_on_desk else None
        if claim is not None and one.shard is not None:
            by_shard[one.shard].append(claim)
    unavailable = set[int | None]()
    for shard, claims in by_shard.items():
        try:
            await stores.desk.replace_coupons(shard, claims)
        except DeskUnavailableError as error:
            _log.warning("coupons_not_written_to_desk", shard=shard, error=str(error))
            unavailable.add(shard)
    return unavailable


def _frame(one: CouponStatus) -> dict[str, object]:
    coupon = one.coupon
    standing = one.standing
    if standing.state is CouponState.REVOKED:  # to its student it is as if it were voided
        standing = standing._replace(state=CouponState.VOIDED)
    return coupon_frames.coupon_changed(coupon.id, coupon.drop_id, coupon.use_by, standing)
