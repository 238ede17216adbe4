"""Claims from the outbox into the ledger, and the word back: written, read back, confirmed, told.

Called by the worker with what it has read from the outbox; it acknowledges last, when this has
returned. Every step may be repeated, because a worker can die after each of them:

1. one transaction writes the claims and their coupons (a claim id that is there is a no-op);
2. it reads them back by claim id, so that only what is really there is called confirmed;
3. the desk marks them, so that whoever comes back or asks again is told;
4. the room is told, and each gateway picks its own students.

A conflict that is no redelivery means that the desk sold what the ledger says is taken, or has gone back
to the batch: the entry is cut out of its fellows (bisection) and mended (flows/drops/reassign_claims.py), and
the shard is rebuilt.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server import coupon_frames
from server.core.coupons.coupons import ClaimCoupon
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.feed import Confirmation, Feed, Loss
from server.desk.fence import ConfirmedClaim, Fence
from server.desk.outbox import OutboxEntry
from server.flows.coupons.new_coupons import new_coupons
from server.flows.drops import reassign_claims
from server.ledger import desks
from server.ledger.coupons import coupons
from server.ledger.drops import claims
from server.ledger.drops.claims import ClaimStanding
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates

AT_ONCE = 1_000  # claims in one transaction: about 40 ms; with half of them 7 % more for each
_FACTS_KEPT = 256


class _UnitReturnedError(Exception):
    """Units of these claims went back to the batch when their drop was closed: whoever closed it knew
    nothing of them, and a restored copy of Redis does."""


_CONFLICTS = (IntegrityError, DataError, _UnitReturnedError)
_Conflict = tuple[OutboxEntry, Exception]
_log = structlog.get_logger()


@dataclass(slots=True)
class PersistResult:
    """What became of some entries. `apologies`: told won, and nothing was left."""

    coupons: list[ClaimCoupon] = field(default_factory=list)
    apologies: list[OutboxEntry] = field(default_factory=list)
    dead: int = 0
    reassigned: int = 0

    def add(self, other: "PersistResult") -> None:
        self.coupons += other.coupons
        self.apologies += other.apologies
        self.dead += other.dead
        self.reassigned += other.reassigned


class ClaimPersister:
    """`on_revoked()` is called once for each win that is taken back."""

    def __init__(
        self,
        ledger: Ledger,
        fence: Fence,
        feed: Feed,
        on_revoked: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._fence = fence
        self._feed = feed
        self._on_revoked = on_revoked
        self._facts: dict[str, tuple[Batch, Template]] = {}  # what a drop never sees change

    async def persist(self, entries: Sequence[OutboxEntry], now: int) -> PersistResult:
        """All four steps for entries of any shards. LedgerUnavailableError, DeskUnavailableError: the same
        entries are to be recorded again."""
        result = PersistResult()
        by_shard: defaultdict[int, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_shard[entry.shard].append(entry)
        for shard, of_shard in by_shard.items():
            for start in range(0, len(of_shard), AT_ONCE):
                result.add(await self._record_some(shard, of_shard[start : start + AT_ONCE], now))
        return result

    async def _record_some(self, shard: int, entries: list[OutboxEntry], now: int) -> PersistResult:
        recorded = await self.write(entries, now)
        if recorded.reassigned:
            await self._fence.shut(shard)  # desk and ledger disagree: rebuild, then confirm again
        await self._tell(shard, entries, recorded)
        return recorded

    # --- the ledger ---------------------------------------------------------------------------

    async def write(self, entries: list[OutboxEntry], now: int) -> PersistResult:
        """Steps 1 and 2. What conflicts is mended when all others have the seats they were sold: a
        mender would else give one of these away, and its owner would be the next to conflict."""
        given_up = [entry for entry in entries if entry.is_given_up]
        fitting = [entry for entry in entries if not entry.is_given_up] if given_up else entries
        result, conflicts = await self._write_what_fits(fitting, now)
        for entry, error in conflicts:
            result.add(await self._reassign(entry, now, error))
        if given_up:
            result.apologies += await self._revoke(given_up, now)
        return result

    async def _revoke(self, given_up: list[OutboxEntry], now: int) -> list[OutboxEntry]:
        """Wins that the desk has given up. Those who are owed an apology: not whose claim came into the
        ledger all the same, from a worker that had read it before it was lost."""
        ids = [entry.claim_id for entry in given_up]
        async with self._ledger.begin() as conn:
            await desks.lock_shard_shared(conn, {entry.shard for entry in given_up})
            before = await claims.standing_of(conn, ids)
            await claims.insert_new(
                conn, [reassign_claims.revoked_row(entry, now) for entry in given_up]
            )
            there = await claims.standing_of(conn, ids)
        for _ in there.keys() - before.keys():
            self._on_revoked()
        return [e for e in given_up if reassign_claims.owes_apology(there[e.claim_id])]

    async def _write_what_fits(
        self, entries: list[OutboxEntry], now: int
    ) -> tuple[PersistResult, list[_Conflict]]:
        """What no transaction takes together is halved until the bad one is alone."""
        if not entries:
            return PersistResult(), []
        try:
            return await self._write_together(entries, now), []
        except _CONFLICTS as error:
            if len(entries) == 1:
                return PersistResult(), [(entries[0], error)]
        half = len(entries) // 2
        result, conflicts = await self._write_what_fits(entries[:half], now)
        more, others = await self._write_what_fits(entries[half:], now)
        result.add(more)
        return result, conflicts + others

    async def _write_together(self, entries: list[OutboxEntry], now: int) -> PersistResult:
        facts = await self._facts_of({entry.batch_id for entry in entries})
        async with self._ledger.begin() as conn:
            await desks.lock_shard_shared(conn, {entry.shard for entry in entries})
            rows = [reassign_claims.claim_row(entry, now) for entry in entries]
            standing = {
                row.id: ClaimStanding(row.id, row.state, None, now, row.slot) for row in rows
            }
            if not await claims.insert_new(conn, rows):
                standing = await claims.standing_of(conn, standing.keys())
            live = [e for e in entries if standing[e.claim_id].state == "live"]
            await _raise_if_units_returned(conn, live, standing, now)
            facts = _with_current_ends(facts, await batches.claim_ends(conn, facts))
            await claims.count_in_campaigns(conn, reassign_claims.campaign_rows(live))
            await coupons.insert_for_claims(conn, new_coupons(live, standing, facts))
            known = [template for _, template in facts.values()]
            return PersistResult(
                coupons=await coupons.by_claims(conn, [entry.claim_id for entry in live], known),
                # Read back as well: whoever revoked one may have died before the student was told.
                apologies=[
                    e for e in entries if reassign_claims.owes_apology(standing[e.claim_id])
                ],
            )

    async def _facts_of(self, batch_ids: set[str]) -> dict[str, tuple[Batch, Template]]:
        """A dict of the caller's own: another lane may throw away what is kept."""
        found = {one: self._facts[one] for one in batch_ids & self._facts.keys()}
        if batch_ids == found.keys():
            return found
        if len(self._facts) > _FACTS_KEPT:
            self._facts.clear()
        async with self._ledger.read() as conn:
            for batch_id in batch_ids - found.keys():
                batch = await batches.find(conn, batch_id)
                if batch is None:
                    continue
                version = (batch.template_id, batch.template_version)
                template = await templates.find(conn, *version)
                if template is not None:
                    found[batch_id] = self._facts[batch_id] = (batch, template)
        return found

    async def _reassign(self, entry: OutboxEntry, now: int, error: Exception) -> PersistResult:
        _log.warning("claim_conflict", claim_id=entry.claim_id, drop_id=entry.drop_id)
        verdict = await reassign_claims.reassign(self._ledger, entry, now, error)
        match verdict:
            case reassign_claims.ReassignOutcome.REASSIGNED:
                return await self._write_reassigned(entry, now)
            case reassign_claims.ReassignOutcome.DUPLICATE:
                return PersistResult(reassigned=1)
            case reassign_claims.ReassignOutcome.NOTHING_LEFT:
                self._on_revoked()
                return PersistResult(apologies=[entry], reassigned=1)
            case reassign_claims.ReassignOutcome.DEAD_LETTER:
                return PersistResult(dead=1)

    async def _write_reassigned(self, entry: OutboxEntry, now: int) -> PersistResult:
        try:
            recorded = await self._write_together([entry], now)
        except _CONFLICTS as error:
            # Not the seat: no coupon can be made of it. It keeps the seat, and blocks nobody.
            await reassign_claims.write_dead_letter(self._ledger, entry, now, str(error))
            return PersistResult(dead=1)
        recorded.reassigned = 1
        return recorded

    # --- the word back ------------------------------------------------------------------------

    async def _tell(self, shard: int, entries: list[OutboxEntry], recorded: PersistResult) -> None:
        """Steps 3 and 4, of what was read back, with the codes that were read back."""
        rooms = {entry.claim_id: entry.room for entry in entries}
        confirmed = [_confirmed(coupon) for coupon in recorded.coupons]
        if confirmed and await self._fence.confirm(shard, confirmed):
            await self._fence.shut(shard)
        told: defaultdict[str, list[Confirmation]] = defaultdict(list)
        for one in confirmed:
            told[rooms[one.claim_id]].append(Confirmation(one.student, one.drop_id, one.coupon))
        for room, confirmations in told.items():
            await self._feed.publish_confirmations(room, confirmations)
        for entry in recorded.apologies:
            loss = Loss("claim_revoked", entry.student, entry.drop_id, None, "nothing_left")
            await self._feed.publish_losses(entry.room, [loss])


async def _raise_if_units_returned(
    conn: AsyncConnection,
    live: Sequence[OutboxEntry],
    standing: Mapping[str, ClaimStanding],
    now: int,
) -> None:
    overfull = await claims.overfull_drops(conn, {entry.drop_id for entry in live})
    # A redelivery adds nothing to them.
    if any(e.drop_id in overfull and standing[e.claim_id].confirmed_at == now for e in live):
        raise _UnitReturnedError("its unit has gone back to the batch")


def _with_current_ends(
    facts: Mapping[str, tuple[Batch, Template]], ends: Mapping[str, int | None]
) -> dict[str, tuple[Batch, Template]]:
    """Of a batch that was dropped the end of its claim window is all that may move and matters here."""
    moved = dict(facts)
    for batch_id, until_at in ends.items():
        batch, template = facts[batch_id]
        window = batch.claim_window
        if window is not None and until_at is not None and window.until_at != until_at:
            later = replace(window, until_at=until_at)
            moved[batch_id] = (replace(batch, claim_window=later), template)
    return moved


def _confirmed(coupon: ClaimCoupon) -> ConfirmedClaim:
    return ConfirmedClaim(
        coupon.drop_id, coupon.student, coupon.claim_id, coupon_frames.coupon_json(coupon)
    )
