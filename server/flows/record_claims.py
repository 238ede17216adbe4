"""Claims from the outbox into the ledger, and the word back: written, read back, confirmed, told.

Called by the worker with what it has read from the outbox; it acknowledges last, when this has
returned. Every step may be repeated, because a worker can die after each of them:

1. one transaction writes the claims and their coupons (a claim id that is there is a no-op);
2. it reads them back by claim id, so that only what is really there is called confirmed;
3. the desk marks them, so that whoever comes back or asks again is told;
4. the room is told, and each gateway picks its own students.

A conflict that is no redelivery means that the desk sold what the ledger says is taken: the entry is
cut out of its batch (bisection) and mended (flows/mend_claims.py), and the shard is rebuilt.
"""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import structlog
from sqlalchemy.exc import DataError, IntegrityError

from server import wire
from server.core import codes
from server.core.batches import Batch
from server.core.coupons import Coupon, hold_until, use_window
from server.core.templates import Template
from server.desk.feed import Confirmation, Feed, Loss
from server.desk.fence import ConfirmedClaim, Fence
from server.desk.outbox import OutboxEntry
from server.flows import mend_claims
from server.ids import new_id
from server.ledger import batches, claims, coupons, desks, templates
from server.ledger.claims import ClaimRow
from server.ledger.coupons import NewCoupon
from server.ledger.engine import Ledger

AT_ONCE = 500  # claims in one transaction: about 20 ms
_FACTS_KEPT = 256
_Conflict = tuple[OutboxEntry, Exception]
_log = structlog.get_logger()


@dataclass(slots=True)
class Recorded:
    """What became of some entries. `apologies`: told won, and nothing was left."""

    coupons: list[Coupon] = field(default_factory=list)
    apologies: list[OutboxEntry] = field(default_factory=list)
    dead: int = 0
    mended: int = 0

    def add(self, other: "Recorded") -> None:
        self.coupons += other.coupons
        self.apologies += other.apologies
        self.dead += other.dead
        self.mended += other.mended


class ClaimRecorder:
    def __init__(self, ledger: Ledger, fence: Fence, feed: Feed) -> None:
        self._ledger = ledger
        self._fence = fence
        self._feed = feed
        self._facts: dict[str, tuple[Batch, Template]] = {}  # immutable, so kept

    async def record(self, entries: Sequence[OutboxEntry], now: int) -> Recorded:
        """All four steps for entries of any shards. LedgerUnavailableError, DeskUnavailableError: the same
        entries are to be recorded again."""
        result = Recorded()
        by_shard: defaultdict[int, list[OutboxEntry]] = defaultdict(list)
        for entry in entries:
            by_shard[entry.shard].append(entry)
        for shard, of_shard in by_shard.items():
            for start in range(0, len(of_shard), AT_ONCE):
                result.add(await self._record_some(shard, of_shard[start : start + AT_ONCE], now))
        return result

    async def _record_some(self, shard: int, entries: list[OutboxEntry], now: int) -> Recorded:
        recorded = await self.write(entries, now)
        if recorded.mended:
            await self._fence.shut(shard)  # desk and ledger disagree: rebuild, then confirm again
        await self._tell(shard, entries, recorded)
        return recorded

    # --- the ledger ---------------------------------------------------------------------------

    async def write(self, entries: list[OutboxEntry], now: int) -> Recorded:
        """Steps 1 and 2. What conflicts is mended when all others have the seats they were sold: a
        mender would else give one of these away, and its owner would be the next to conflict."""
        result, conflicts = await self._write_what_fits(entries, now)
        for entry, error in conflicts:
            result.add(await self._mend(entry, now, error))
        return result

    async def _write_what_fits(
        self, entries: list[OutboxEntry], now: int
    ) -> tuple[Recorded, list[_Conflict]]:
        """What no transaction takes together is halved until the bad one is alone."""
        try:
            return await self._write_together(entries, now), []
        except (IntegrityError, DataError) as error:
            if len(entries) == 1:
                return Recorded(), [(entries[0], error)]
        half = len(entries) // 2
        result, conflicts = await self._write_what_fits(entries[:half], now)
        more, others = await self._write_what_fits(entries[half:], now)
        result.add(more)
        return result, conflicts + others

    async def _write_together(self, entries: list[OutboxEntry], now: int) -> Recorded:
        facts = await self._facts_of({entry.batch_id for entry in entries})
        async with self._ledger.begin() as conn:
            await desks.hold_shared(conn, {entry.shard for entry in entries})
            await claims.insert_new(conn, [mend_claims.row_of(entry, now) for entry in entries])
            ids = [entry.claim_id for entry in entries]
            there = await claims.by_ids(conn, ids)
            live = [row for row in there.values() if row.state == "live"]
            made = [new_coupon(row, *facts[row.batch_id]) for row in live if row.batch_id in facts]
            await coupons.insert_for_claims(conn, made)
            return Recorded(
                coupons=await coupons.by_claims(conn, [row.id for row in live]),
                # Read back as well: whoever revoked one may have died before the student was told.
                apologies=[e for e in entries if mend_claims.owes_apology(there[e.claim_id])],
            )

    async def _facts_of(self, batch_ids: set[str]) -> dict[str, tuple[Batch, Template]]:
        missing = batch_ids - self._facts.keys()
        if missing:
            if len(self._facts) > _FACTS_KEPT:
                self._facts.clear()
            async with self._ledger.read() as conn:
                for batch_id in missing:
                    batch = await batches.find(conn, batch_id)
                    if batch is not None:
                        version = (batch.template_id, batch.template_version)
                        template = await templates.find(conn, *version)
                        if template is not None:
                            self._facts[batch_id] = (batch, template)
        return self._facts

    async def _mend(self, entry: OutboxEntry, now: int, error: Exception) -> Recorded:
        _log.warning("claim_conflict", claim_id=entry.claim_id, drop_id=entry.drop_id)
        verdict = await mend_claims.mend(self._ledger, entry, now, error)
        match verdict:
            case mend_claims.Verdict.SEATED:
                return await self._write_seated(entry, now)
            case mend_claims.Verdict.DUPLICATE:
                return Recorded(mended=1)
            case mend_claims.Verdict.NOTHING_LEFT:
                return Recorded(apologies=[entry], mended=1)
            case mend_claims.Verdict.DEAD:
                return Recorded(dead=1)

    async def _write_seated(self, entry: OutboxEntry, now: int) -> Recorded:
        try:
            recorded = await self._write_together([entry], now)
        except (IntegrityError, DataError) as error:
            # Not the seat: no coupon can be made of it. It keeps the seat, and blocks nobody.
            await mend_claims.lay_dead(self._ledger, entry, now, str(error))
            return Recorded(dead=1)
        recorded.mended = 1
        return recorded

    # --- the word back ------------------------------------------------------------------------

    async def _tell(self, shard: int, entries: list[OutboxEntry], recorded: Recorded) -> None:
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


def new_coupon(row: ClaimRow, batch: Batch, template: Template) -> NewCoupon:
    """What becomes of a claim, under a code that nobody has seen yet."""
    batch_until = batch.claim_window.until_at if batch.claim_window is not None else None
    window = use_window(template.validity, row.won_at, batch_until)
    return NewCoupon(
        id=new_id("cpn"),
        code=codes.make(secrets.token_bytes(codes.ENTROPY_BYTES), batch.code_prefix),
        batch_id=batch.id,
        template_id=template.id,
        template_version=template.version,
        claim_id=row.id,
        drop_id=row.drop_id,
        student=row.student,
        valid_from=window.from_at,
        valid_until=window.until_at,
        hold_until=hold_until(row.confirmed_at, batch.hold_seconds),
        created_at=row.confirmed_at,
    )


def _confirmed(coupon: Coupon) -> ConfirmedClaim:
    return ConfirmedClaim(
        str(coupon.drop_id),
        str(coupon.student),
        str(coupon.claim_id),
        orjson.dumps(wire.coupon_fields(coupon)),
    )
