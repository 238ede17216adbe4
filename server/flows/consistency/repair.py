"""Repair what doctor found, as far as nobody loses anything by it (decision 0014).

Called by commands/doctor.py with the findings of doctor.py. May run beside workers, web processes and another
doctor. A finding is handled by what it is about: intents that were left behind are driven, everything about
a desk shard goes to repair_shard.py, counters of batches are recounted. Findings of other kinds need a
person, and are left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from server.flows.consistency.doctor import LEFT_BEHIND_MS
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.consistency.rebuild.repair_shard import ShardRepairer
from server.flows.drops.intents.drive_intents import drive_pending
from server.flows.stores import Stores
from server.ledger.consistency import unit_audit

# All kinds but those that name no claim or drop of a shard, or that only a person can resolve.
_ABOUT_A_SHARD = frozenset(FindingKind) - {
    FindingKind.WEAK_REDIS,
    FindingKind.OUTBOX_WAITS,
    FindingKind.INTENT_LEFT_BEHIND,
    FindingKind.UNKNOWN_DROP,
    FindingKind.COUPON_WITHOUT_CLAIM,
    FindingKind.BATCH_COUNTER,
    FindingKind.ERASED_STUDENT_BACK,
    FindingKind.ERASURES_UNTOLD,
}


@dataclass(frozen=True, slots=True)
class Repairer:
    """A repairer of findings. Several may run at the same time."""

    stores: Stores
    shards: ShardRepairer

    async def repair(self, findings: Sequence[Finding], now: int) -> list[Repair]:
        """Return what was done, and what could not be done. Repeatable.

        DeskUnavailableError, LedgerUnavailableError: what was done until then is kept; call it again with
        new findings.
        """
        repairs: list[Repair] = []
        if any(one.kind is FindingKind.INTENT_LEFT_BEHIND for one in findings):
            repairs.append(await self._drive_intents(now))
        of_shards = [
            one for one in findings if one.kind in _ABOUT_A_SHARD and one.shard is not None
        ]
        for shard in sorted({one.shard for one in of_shards if one.shard is not None}):
            of_shard = [one for one in of_shards if one.shard == shard]
            repairs += await self.shards.repair(shard, of_shard, now)
        batch_ids = {
            one.batch for one in findings if one.kind is FindingKind.BATCH_COUNTER and one.batch
        }
        for batch_id in sorted(batch_ids):
            repairs.append(await self._correct_counters(batch_id))
        return repairs

    async def _drive_intents(self, now: int) -> Repair:
        try:
            driven = await drive_pending(self.stores, LEFT_BEHIND_MS, now)
        except (LookupError, RuntimeError) as error:
            return Repair(f"a change of a drop cannot be told to the desk: {error}", False)
        what = f"told the desk {driven.done} changes of drops that were left behind"
        if driven.waiting:
            what += f"; {driven.waiting} have to wait until it takes them"
        return Repair(what, not driven.waiting)

    async def _correct_counters(self, batch_id: str) -> Repair:
        try:
            async with self.stores.ledger.begin() as conn:
                await unit_audit.correct_counters(conn, batch_id)
        except IntegrityError:
            return Repair(
                f"batch {batch_id}: its drops hold more than it has; a person has to look", False
            )
        return Repair(f"batch {batch_id}: set what is with drops to what its drops have")
