"""Persist claims: write the outbox's entries to the ledger, then confirm them on the desk and in the room.

Called by the worker with entries that it has read from the outbox. The worker acknowledges them after this
has returned. Every step may be repeated, because a worker can die after each of them:

1. one transaction writes the claims and their coupons; a claim id that exists is a redelivery and a no-op;
2. the same transaction reads them back by claim id: only what the ledger really has is called confirmed;
3. the desk marks them as confirmed, so that students who reconnect or repeat their claim see it;
4. the feed publishes the confirmations, and each gateway sends those of its own students.

A conflict that is no redelivery means that the desk sold a unit that is taken in the ledger, or that has
gone back to the batch. Bisection finds the conflicting entry, reassign_claims.py gives it another unit or
revokes it, and the shard is rebuilt.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import ClaimCoupon
from server.core.ids import ClaimId
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.desk.claims.outbox import OutboxEntry
from server.desk.feed.feed import Feed
from server.desk.feed.feed_messages import Confirmation, Loss
from server.desk.shards.fence import ConfirmedClaim, Fence
from server.flows.coupons.new_coupons import confirmed_events, new_coupons
from server.flows.drops.claims import reassign_claims
from server.flows.drops.claims.rehearse_claims import confirm_rehearsed, is_rehearsed
from server.frames import coupon_frames
from server.ledger import desks, event_log
from server.ledger.coupons import coupons
from server.ledger.drops import claims
from server.ledger.drops.claims import ClaimStanding
from server.ledger.engine import Ledger
from server.ledger.promotions import batches, templates

AT_ONCE = 1_000  # claims in one transaction: about 40 ms; with 500 each claim costs 7 % more
_CACHED_BATCHES = 256


class _UnitReturnedError(Exception):
    """An error for claims whose units went back to the batch when their drop was closed. It happens when a
    restored copy of Redis brings back claims that the close did not know.
    """


_CONFLICTS = (IntegrityError, DataError, _UnitReturnedError)
_Conflict = tuple[OutboxEntry, Exception]
_log = structlog.get_logger()


@dataclass(slots=True)
class PersistResult:
    """The outcome of some entries.

    `coupons` are those of the live claims, as read back. `apologies` are entries whose student was told
    `won` and gets nothing. `reassigned` counts the conflicts that were solved, whatever their outcome,
    `dead` those that became dead letters.
    """

    coupons: list[ClaimCoupon] = field(default_factory=list)
    apologies: list[OutboxEntry] = field(default_factory=list)
    dead: int = 0
    reassigned: int = 0

    def add(self, other: "PersistResult") -> None:
        """Add the outcome of other entries to this one."""
        self.coupons += other.coupons
        self.apologies += other.apologies
        self.dead += other.dead
        self.reassigned += other.reassigned


class ClaimPersister:
    """A persister of claims of any shard. `on_revoked()` is called once for each win that is taken back.

    Safe for concurrent use: the lanes of a worker share one.
    """

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
        # The key is the batch id. Once a batch has been dropped, only the end of its claim window can change
        # of all that is used here: `_with_current_ends` reads that.
        self._batches: dict[str, tuple[Batch, Template]] = {}

    async def persist(self, entries: Sequence[OutboxEntry], now: int) -> PersistResult:
        """Do all four steps for entries of any shards. LedgerUnavailableError, DeskUnavailableError: call it
        again with the same entries.
        """
        result = PersistResult()
        by_shard: defaultdict[int, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_shard[entry.shard].append(entry)
        for shard, of_shard in by_shard.items():
            for start in range(0, len(of_shard), AT_ONCE):
                result.add(await self._persist_some(shard, of_shard[start : start + AT_ONCE], now))
        return result

    async def _persist_some(
        self, shard: int, entries: list[OutboxEntry], now: int
    ) -> PersistResult:
        rehearsed = [entry for entry in entries if is_rehearsed(entry)]
        if rehearsed:
            await confirm_rehearsed(self._ledger, self._fence, self._feed, rehearsed)
        result = await self.write(entries, now)
        if result.reassigned:
            # Desk and ledger disagree. The shut fence stops claims until the shard has been rebuilt.
            await self._fence.shut(shard)
        await self._publish(shard, entries, result)
        return result

    # --- the ledger ---------------------------------------------------------------------------

    async def write(self, entries: list[OutboxEntry], now: int) -> PersistResult:
        """Do steps 1 and 2 for entries of one shard. Repeatable.

        Conflicting entries are reassigned after all others: else one could take a later entry's unit.
        """
        entries = [entry for entry in entries if not is_rehearsed(entry)]
        given_up = [entry for entry in entries if entry.is_given_up]
        fitting = [entry for entry in entries if not entry.is_given_up] if given_up else entries
        result, conflicts = await self._write_what_fits(fitting, now)
        for entry, error in conflicts:
            result.add(await self._reassign(entry, now, error))
        if given_up:
            result.apologies += await self._revoke(given_up, now)
        return result

    async def _revoke(self, given_up: list[OutboxEntry], now: int) -> list[OutboxEntry]:
        """Write wins that the desk has given up as revoked; return those whose student is owed an apology.

        That is not every one of them: a worker may have read a claim from the outbox before the desk lost it,
        and have written it as a live claim.
        """
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
        """Write entries that fit together, and return the others with their errors. A group that conflicts is
        halved until the conflicting entry is alone.
        """
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
        known = await self._batches_of({entry.batch_id for entry in entries})
        async with self._ledger.begin() as conn:
            await desks.lock_shard_shared(conn, {entry.shard for entry in entries})
            rows = [reassign_claims.claim_row(entry, now) for entry in entries]
            standing = {
                row.id: ClaimStanding(row.id, row.state, None, now, row.slot) for row in rows
            }
            # The usual case is that all rows are new, and their standing is known without a read.
            if not await claims.insert_new(conn, rows):
                standing = await claims.standing_of(conn, standing.keys())
            live = [e for e in entries if standing[e.claim_id].state == "live"]
            await _raise_if_units_returned(conn, live, standing, now)
            known = _with_current_ends(known, await batches.claim_ends(conn, known))
            await reassign_claims.count_further(conn, reassign_claims.further_slots(live), now)
            made = new_coupons(live, standing, known)
            await coupons.insert_for_claims(conn, made)
            templates_known = [template for _, template in known.values()]
            live_ids = [entry.claim_id for entry in live]
            found = await coupons.by_claims(conn, live_ids, templates_known)
            await event_log.record(conn, confirmed_events(made, found, live))
            return PersistResult(
                coupons=found,
                # Read back too: the worker that revoked a claim may have died before it told the student.
                apologies=[
                    e for e in entries if reassign_claims.owes_apology(standing[e.claim_id])
                ],
            )

    async def _batches_of(self, batch_ids: set[str]) -> dict[str, tuple[Batch, Template]]:
        """Return batch and template by batch id, without the batches that do not exist. The dict is a copy:
        another lane may clear the cache while the caller still reads.
        """
        found = {one: self._batches[one] for one in batch_ids & self._batches.keys()}
        if batch_ids == found.keys():
            return found
        if len(self._batches) > _CACHED_BATCHES:
            self._batches.clear()
        async with self._ledger.read() as conn:
            for batch_id in batch_ids - found.keys():
                batch = await batches.find(conn, batch_id)
                if batch is None:
                    continue
                # A template version never changes, so it can be cached as long as we like.
                version = (batch.template_id, batch.template_version)
                template = await templates.find(conn, *version)
                if template is not None:
                    found[batch_id] = self._batches[batch_id] = (batch, template)
        return found

    async def _reassign(self, entry: OutboxEntry, now: int, error: Exception) -> PersistResult:
        _log.warning("claim_conflict", claim_id=entry.claim_id, drop_id=entry.drop_id)
        outcome = await reassign_claims.reassign(self._ledger, entry, now, error)
        match outcome:
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
            result = await self._write_together([entry], now)
        except _CONFLICTS as error:
            # The unit is not the cause: the claim has one now. Its coupon cannot be written. As a dead letter
            # the claim keeps its unit and does not block the entries behind it.
            await reassign_claims.write_dead_letter(self._ledger, entry, now, str(error))
            return PersistResult(dead=1)
        result.reassigned = 1
        return result

    # --- desk and feed ------------------------------------------------------------------------

    async def _publish(self, shard: int, entries: list[OutboxEntry], result: PersistResult) -> None:
        """Do steps 3 and 4 for what was read back, with the codes that were read back."""
        rooms = {entry.claim_id: entry.room for entry in entries}
        confirmed = [_confirmed(coupon) for coupon in result.coupons]
        if confirmed and await self._fence.confirm(shard, confirmed):
            # The desk has another claim of the student than the ledger: rebuild it.
            await self._fence.shut(shard)
        by_room: defaultdict[str, list[Confirmation]] = defaultdict(list)
        for one in confirmed:
            by_room[rooms[one.claim_id]].append(Confirmation(one.student, one.drop_id, one.coupon))
        for room, confirmations in by_room.items():
            await self._feed.publish_confirmations(room, confirmations)
        for entry in result.apologies:
            loss = Loss("claim_revoked", entry.student, entry.drop_id, None, "nothing_left")
            await self._feed.publish_losses(entry.room, [loss])


async def _raise_if_units_returned(
    conn: AsyncConnection,
    live: Sequence[OutboxEntry],
    standing: Mapping[ClaimId, ClaimStanding],
    now: int,
) -> None:
    overfull = await claims.overfull_drops(conn, {entry.drop_id for entry in live})
    # Only a claim that this transaction inserted (`confirmed_at` is `now`) can be the one too many. A
    # redelivered claim was counted when its drop was closed.
    if any(e.drop_id in overfull and standing[e.claim_id].confirmed_at == now for e in live):
        raise _UnitReturnedError("its unit has gone back to the batch")


def _with_current_ends(
    known: Mapping[str, tuple[Batch, Template]], ends: Mapping[str, int | None]
) -> dict[str, tuple[Batch, Template]]:
    """Return the batches with the current ends of their claim windows, on which a coupon's window depends."""
    moved = dict(known)
    for batch_id, until_at in ends.items():
        batch, template = known[batch_id]
        window = batch.claim_window
        if window is not None and until_at is not None and window.until_at != until_at:
            later = replace(window, until_at=until_at)
            moved[batch_id] = (replace(batch, claim_window=later), template)
    return moved


def _confirmed(coupon: ClaimCoupon) -> ConfirmedClaim:
    shown = coupon_frames.coupon_json(coupon)
    return ConfirmedClaim(coupon.drop_id, coupon.student, coupon.claim_id, shown)
