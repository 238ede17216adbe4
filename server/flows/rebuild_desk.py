"""A desk shard that may have lost its tail is made anew from the ledger.

Called by the worker for every shard whose fence is shut: after a restart or failover of Redis, a restored
copy, a flush, or when a claim conflicted. Order, and why:

1. lease: one rebuilder; the fence is shut, so no script writes the shard from now on;
2. the outbox is drained into the ledger: whoever was told `won` is in there or in the ledger already;
3. in one transaction that holds the shard exclusively, everything is read from the ledger and loaded;
4. armed last, for the server process that was loaded, with the epoch raised;
5. the rooms are told what they show, because the feed may be lost too.

Dying anywhere leaves the fence shut and the lease to expire: the next one starts over.
"""

from dataclasses import dataclass

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server import wire
from server.core.claims import ClaimState
from server.core.coupons import Coupon
from server.core.drops import RoomDrop
from server.desk.feed import Feed, FeedKind
from server.desk.fence import Fence, LeaseLostError, LoadedDrop
from server.desk.outbox import Outbox
from server.desk.records import HeldClaim
from server.flows.places import offer_of
from server.flows.record_claims import AT_ONCE, ClaimRecorder
from server.flows.room_drops import room_drop
from server.ledger import claims, coupons, desks, drops
from server.ledger.claims import ClaimRow
from server.ledger.drops import DropRow
from server.ledger.engine import Ledger

CLOSED_KEPT_MS = 24 * 3600 * 1000  # as long as close.lua keeps a closed drop
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeskRebuilder:
    ledger: Ledger
    fence: Fence
    feed: Feed
    outbox: Outbox
    recorder: ClaimRecorder

    async def rebuild(self, shard: int, now: int) -> bool:
        """False: somebody else is at it. DeskUnavailableError, LedgerUnavailableError: try later."""
        run_id = await self.fence.take_lease(shard)
        if run_id is None:
            return False
        try:
            await self.outbox.make_groups()
            await self._drain(shard, now)
            shown = await self._load(shard, run_id, now)
        except LeaseLostError:
            return False
        for epoch, drop in shown:
            await self.feed.publish(f"{shard}.{epoch}.{drop.id}", FeedKind.CHANGED, drop)
        _log.info("desk_rebuilt", shard=shard, drops=len(shown))
        return True

    async def _drain(self, shard: int, now: int) -> None:
        entries = await self.outbox.everything(shard)
        for start in range(0, len(entries), AT_ONCE):
            await self.recorder.write(entries[start : start + AT_ONCE], now)

    async def _load(self, shard: int, run_id: str, now: int) -> list[tuple[int, RoomDrop]]:
        """Steps 3 and 4; the open drops, to be shown again, with the epoch."""
        async with self.ledger.begin() as conn:
            epoch = await desks.raise_epoch(conn, shard, now)
            shown: list[tuple[int, RoomDrop]] = []
            for drop_id in await claims.drops_on_desk(conn, shard, now - CLOSED_KEPT_MS):
                row = await drops.find(conn, drop_id)
                if row is None:
                    continue
                await self.fence.load_drop(shard, await _loaded(conn, row))
                drop = await _shown(conn, row)
                if drop is not None:
                    shown.append((epoch, drop))
            for batch_id, slots in (await claims.caps_of_shard(conn, shard, now)).items():
                await self.fence.load_caps(shard, batch_id, slots)
            await self.fence.arm(shard, run_id, epoch)
            return shown


async def _loaded(conn: AsyncConnection, row: DropRow) -> LoadedDrop:
    rows = await claims.of_drop(conn, row.id)
    by_claim: dict[str | None, Coupon] = {}
    for start in range(0, len(rows), AT_ONCE):
        ids = [claim.id for claim in rows[start : start + AT_ONCE]]
        by_claim |= {coupon.claim_id: coupon for coupon in await coupons.by_claims(conn, ids)}
    live = [claim for claim in rows if claim.state == "live"]
    # Of several claims of a student the one that counts comes last.
    rows.sort(key=lambda claim: claim.state != "revoked")
    return LoadedDrop(
        drop_id=row.id,
        batch_id=row.batch_id,
        room=row.room,
        per_student=row.per_student,
        allotments=tuple(await drops.allotments_of(conn, row.id)),
        window=row.window,
        closed_at=row.closed_at,
        holders={claim.student: _held(claim, by_claim.get(claim.id)) for claim in rows},
        live_units=frozenset(claim.unit for claim in live),
        won_total=sum(claim.state != "revoked" for claim in rows),
        confirmed=len(live),
    )


def _held(claim: ClaimRow, coupon: Coupon | None) -> HeldClaim:
    states = {
        "live": ClaimState.CONFIRMED,
        "released": ClaimState.RELEASED,
        "revoked": ClaimState.REVOKED,
    }
    shown = orjson.dumps(wire.coupon_fields(coupon)) if coupon is not None else b""
    return HeldClaim(
        states[claim.state],
        claim.id,
        claim.unit,
        claim.slot,
        claim.request_id,
        claim.won_at,
        shown,
    )


async def _shown(conn: AsyncConnection, row: DropRow) -> RoomDrop | None:
    if row.window is None or row.closed_at is not None:
        return None
    batch, template = await offer_of(conn, row.batch_id)
    return room_drop(row, template, batch)
