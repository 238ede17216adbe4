"""A desk shard that may have lost its tail is made anew from the ledger.

Called by the worker for every shard whose fence is shut: after a restart or failover of Redis, a restored
copy, a flush, or when a claim conflicted. Order, and why:

1. lease: one rebuilder; the fence is shut, so no script writes the shard from now on;
2. the outbox is drained into the ledger: whoever was told `won` is in there or in the ledger already;
3. the epoch is raised: who still has a word of the old desk to write down finds that it is gone;
4. in one transaction that holds the shard exclusively, everything is read from the ledger and loaded;
5. the rooms are told what they show, because the feed may be lost, or older, too;
6. armed last, for the server process that was loaded, with the new epoch.

Dying anywhere leaves the fence shut and the lease to expire: the next one starts over.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server import coupon_frames
from server.core.coupons.coupons import UNMOVED, ClaimCoupon, Standing
from server.core.drops.claims import ClaimState
from server.desk.caps import CapName, load_name
from server.desk.claim_record import HeldClaim
from server.desk.feed import Feed, FeedKind
from server.desk.fence import Fence, LeaseLostError, LoadedDrop
from server.desk.outbox import Outbox, OutboxEntry
from server.flows.coupons.load_caps import caps_of, load_caps_for_rebuild, read_dead_letters
from server.flows.drops.persist_claims import AT_ONCE, ClaimPersister
from server.flows.drops.room_drops import room_drop
from server.flows.stores import batch_and_template
from server.ledger import desks
from server.ledger.coupons import coupon_changes, coupons
from server.ledger.drops import claims, drops
from server.ledger.drops.claims import ClaimRow
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger
from server.ledger.promotions import stops
from server.ledger.statement_limits import allow_time

CLOSED_KEPT_MS = 24 * 3600 * 1000  # as long as close.lua keeps a closed drop
CAPS_KEPT_MS = 24 * 3600 * 1000  # as caps.lua keeps the caps of a drop that is over
# Of a rebuild's own: it reads in pages, so one that takes longer is stuck. Between two of them it writes to
# Redis what it has read, for longer than another transaction may do nothing.
STATEMENT_SECONDS = 8.0
IDLE_SECONDS = 60.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeskRebuilder:
    ledger: Ledger
    fence: Fence
    feed: Feed
    outbox: Outbox
    persister: ClaimPersister

    async def in_order(self, shards: Sequence[int]) -> list[int]:
        """First those with drops that somebody may be waiting for. LedgerUnavailableError passes."""
        async with self.ledger.read() as conn:
            waited_for = await drops.shards_with_open(conn)
        return sorted(shards, key=lambda shard: shard not in waited_for)

    async def rebuild(self, shard: int, now: int, *, only_if_shut: bool = False) -> bool:
        """False: somebody else is at it, or has done it where `only_if_shut`. DeskUnavailableError,
        LedgerUnavailableError: try later."""
        run_id = await self.fence.take_lease(shard, only_if_shut=only_if_shut)
        if run_id is None:
            return False
        try:
            await self._drain(shard, now)
            drops_loaded = await self._load(shard, run_id, now)
        except LeaseLostError:
            return False
        _log.debug("desk_rebuilt", shard=shard, drops=drops_loaded)
        return True

    async def _drain(self, shard: int, now: int) -> None:
        await self.outbox.make_group(shard)  # lost with Redis, perhaps
        entries = await self.outbox.read_all(shard)
        for start in range(0, len(entries), AT_ONCE):
            await self.persister.write(entries[start : start + AT_ONCE], now)
            # A ledger that was away for an hour leaves more than a lease lasts.
            if await self.fence.take_lease(shard) is None:
                raise LeaseLostError

    async def _load(self, shard: int, run_id: str, now: int) -> int:
        """Steps 3 to 6; how many drops."""
        async with self.ledger.begin() as conn:
            epoch = await desks.raise_epoch(conn, shard, now)
        load = load_name(epoch, run_id)
        async with self.ledger.begin() as conn:
            await allow_time(conn, STATEMENT_SECONDS, IDLE_SECONDS)
            await desks.lock_shard_exclusively(conn, shard)
            dead = await dead_by_drop(conn, shard)
            ids = await claims.drops_on_desk(conn, shard, now - CLOSED_KEPT_MS)
            rows = await drops.find_all(conn, ids)
            for row in rows:
                drop = await loaded_drop(conn, row, dead[row.id])
                await self.fence.load_drop(shard, drop)
            letters = chain.from_iterable(dead.values())
            await self._load_caps(conn, shard, rows, letters, load, now)
            await self.fence.load_stops(shard, *await stops.stopped_claims(conn))
            for row in rows:
                await self._show(conn, row, f"{run_id}.{epoch}")
            await self.fence.arm(shard, run_id, epoch, load)
        return len(rows)

    async def _load_caps(
        self,
        conn: AsyncConnection,
        shard: int,
        rows: Sequence[DropRow],
        dead: Iterable[OutboxEntry],
        load: str,
        now: int,
    ) -> None:
        """Of the batches and campaigns that somebody can tap for as soon as the desk is armed: also of
        openings, which may have reached the desk that is gone, and the room."""
        kept_until: dict[tuple[CapName, str], int] = {}
        for row in rows:
            if row.closed_at is not None:
                continue
            batch, _ = await batch_and_template(conn, row.batch_id)
            lasts_ms = (row.opens_in_seconds + row.duration_seconds) * 1000
            until = max(now, row.closes_at or now + lasts_ms) + CAPS_KEPT_MS
            for cap in caps_of(batch):
                key = (cap.name, cap.id)
                kept_until[key] = max(kept_until.get(key, 0), until)
        await load_caps_for_rebuild(conn, self.fence, shard, list(dead), kept_until, load)

    async def _show(self, conn: AsyncConnection, row: DropRow, rebuild_id: str) -> None:
        """Open ones anew; closed ones only to a room that has gone back to a time before their end."""
        if row.window is None:
            return
        batch, template = await batch_and_template(conn, row.batch_id)
        drop = room_drop(row, template, batch)
        if row.closed_at is None:
            await self.feed.publish(f"{rebuild_id}.{row.id}", FeedKind.CHANGED, drop)
        else:
            await self.feed.correct(f"{rebuild_id}.{row.id}", drop)


async def dead_by_drop(conn: AsyncConnection, shard: int) -> defaultdict[str, list[OutboxEntry]]:
    found: defaultdict[str, list[OutboxEntry]] = defaultdict(list)
    for letter in await read_dead_letters(conn, shard):
        found[letter.drop_id].append(letter)
    return found


async def loaded_drop(
    conn: AsyncConnection, row: DropRow, dead: Sequence[OutboxEntry]
) -> LoadedDrop:
    """What the desk is given of a drop; also asked before a rebuild, by who must not lose anything."""
    rows = await claims.of_drop(conn, row.id)
    batch, _ = await batch_and_template(conn, row.batch_id)
    by_claim: dict[str, ClaimCoupon] = {}
    moved: dict[str, Standing] = {}
    for start in range(0, len(rows), AT_ONCE):
        ids = [claim.id for claim in rows[start : start + AT_ONCE]]
        by_claim |= {coupon.claim_id: coupon for coupon in await coupons.by_claims(conn, ids)}
        moved |= await coupon_changes.moved_of_claims(conn, ids)
    live = [claim for claim in rows if claim.state == "live"]
    allotments = await drops.allotments_of(conn, row.id)
    # Of several claims of a student the one that counts comes last.
    rows.sort(key=lambda claim: claim.state != "revoked")
    holders = {claim.student: _held(claim, by_claim.get(claim.id), moved) for claim in rows}
    units = {claim.unit for claim in live}
    kept = _kept(row, [one for one in dead if one.student not in holders], units)
    holders |= {one.student: _still_won(one) for one in kept}
    units |= {one.unit for one in kept}
    return LoadedDrop(
        drop_id=row.id,
        batch_id=row.batch_id,
        room=row.room,
        per_student=row.per_student,
        allotments=tuple(allotments),
        window=row.window,
        closed_at=row.closed_at,
        holders=holders,
        live_units=frozenset(units),
        won_total=sum(claim.state != "revoked" for claim in rows) + len(kept),
        confirmed=len(live),
        campaign_id=batch.campaign_id,
        per_campaign=batch.per_campaign,
    )


def _kept(row: DropRow, dead: Sequence[OutboxEntry], taken: set[int]) -> list[OutboxEntry]:
    """Dead letters keep their units and their students what they were told, until a person has looked. One
    whose unit is somebody else's by now gets a free one, as `doctor` will do it, while there are any."""
    left = row.quantity - row.returned - len(taken)
    at_home = [one for one in dead if 1 <= one.unit <= row.quantity and one.unit not in taken]
    at_home = list({one.unit: one for one in at_home}.values())
    used = taken | {one.unit for one in at_home}
    free = iter(unit for unit in range(1, row.quantity + 1) if unit not in used)
    moved = [one for one in dead if one not in at_home][: max(0, left - len(at_home))]
    return at_home + [one._replace(unit=unit) for one, unit in zip(moved, free, strict=False)]


def _still_won(entry: OutboxEntry) -> HeldClaim:
    return HeldClaim(
        ClaimState.WON,
        entry.claim_id,
        entry.unit,
        entry.slot,
        entry.request_id,
        entry.won_at,
        b"",
    )


def _held(claim: ClaimRow, coupon: ClaimCoupon | None, moved: Mapping[str, Standing]) -> HeldClaim:
    states = {
        "live": ClaimState.CONFIRMED,
        "released": ClaimState.RELEASED,
        "revoked": ClaimState.REVOKED,
    }
    stands = moved.get(claim.id, UNMOVED)
    shown = orjson.dumps(coupon_frames.coupon_fields(coupon, stands)) if coupon is not None else b""
    return HeldClaim(
        states[claim.state],
        claim.id,
        claim.unit,
        claim.slot,
        claim.request_id,
        claim.won_at,
        shown,
    )
