"""Repair one desk shard and the claims that belong to it, as far as nobody loses anything by it.

Called by repair.py. Works under the lease that every rebuild takes, so no other process rebuilds the shard
meanwhile; the ledger's transactions look again before they write. Order, and why:

1. wins that only the desk knows become dead letters: from then on every rebuild of the desk keeps them;
2. the lease shuts the fence, so that nobody wins; the outbox is drained into the ledger, so that every unit
   that was sold is taken by its owner before a free one is given to somebody else;
3. dead letters and claims without coupons are restored in the ledger, the units of closed drops reconciled;
4. the desk is rebuilt from the ledger. If a student would lose something by that, it is armed as it was;
5. the restored claims are confirmed to their students.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from server.core.drops.claims import ClaimState
from server.core.drops.drops import Allotment
from server.core.ids import CouponId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.outbox import Outbox, OutboxEntry
from server.desk.shards.desk_audit import DeskAudit
from server.desk.shards.fence import Fence, LeaseLostError
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.consistency.rebuild.desk_snapshot import (
    claims_only_on_desk,
    drops_expected_on_desk,
    read_drop_on_desk,
)
from server.flows.consistency.rebuild.drop_to_load import dead_letters_by_drop, read_drop_to_load
from server.flows.consistency.rebuild.rebuild_desk import DeskRebuilder
from server.flows.consistency.rebuild.reconcile_drop_units import reconcile_drop_units
from server.flows.consistency.rebuild.restore_claims import (
    RestoreOutcome,
    RestoreResult,
    SeenCoupon,
    restore_claim,
    to_outbox_entry,
)
from server.flows.coupons.load_caps import read_dead_letters
from server.flows.drops.claims import reassign_claims
from server.flows.drops.claims.persist_claims import AT_ONCE, ClaimPersister
from server.ledger.drops import claims, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger

DEADLINE_SECONDS = 30.0
_RETRY_SECONDS = 0.1
_LIVE = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(frozen=True, slots=True)
class ShardRepairer:
    """A repairer of desk shards. It waits up to `deadline_s` for a shard that another process rebuilds."""

    ledger: Ledger
    desk: DeskAudit
    fence: Fence
    outbox: Outbox
    persister: ClaimPersister
    rebuilder: DeskRebuilder
    deadline_s: float = DEADLINE_SECONDS

    async def repair(self, shard: int, findings: Sequence[Finding], now: int) -> list[Repair]:
        """Repair what these findings say of one shard; return what was done, and what could not be done.

        Repeatable. DeskUnavailableError and LedgerUnavailableError are passed on.
        """
        kinds = {one.kind for one in findings}
        busy = Repair(
            f"desk shard {shard}: somebody else has been building it for {self.deadline_s:.0f} s; "
            "look again later",
            False,
        )
        repairs: list[Repair] = []
        if FindingKind.FENCE_SHUT in kinds:
            if not await self._wait_until_rebuilt(shard, now):
                return [busy]
            repairs.append(
                Repair(f"desk shard {shard}: built anew from the ledger, takes claims again")
            )
        if kinds == {FindingKind.FENCE_SHUT}:
            return repairs  # the rebuild was all there was to do
        try:
            seen = await self._set_aside(shard, now)
            run_id = await self._wait_for_lease(shard)
            if run_id is None:
                return [*repairs, busy]
            return repairs + await self._repair_leased(shard, findings, seen, run_id, now)
        except LeaseLostError:
            return [*repairs, busy]

    # --- step 1 -------------------------------------------------------------------------------

    async def _set_aside(self, shard: int, now: int) -> dict[str, SeenCoupon]:
        """Write a dead letter for each win that only the desk knows.

        Returns the coupons that the desk has, by claim id: a coupon that is made again gets the code that its
        student has seen.
        """
        seen: dict[str, SeenCoupon] = {}
        for row in await drops_expected_on_desk(self.ledger, shard, now):
            on_desk = await read_drop_on_desk(self.desk, row)
            for claim in on_desk.live.values():
                if claim.coupon:
                    fields = orjson.loads(claim.coupon)
                    seen[claim.claim_id] = SeenCoupon(CouponId(fields["id"]), fields["code"])
            only_here = await claims_only_on_desk(self.ledger, self.desk, on_desk)
            for student, claim in only_here.items():
                entry = await self._entry_of(row, student, claim)
                why = "the desk said won, and neither outbox nor ledger had it"
                await reassign_claims.write_dead_letter(self.ledger, entry, now, why)
        return seen

    async def _entry_of(self, row: DropRow, student: StudentId, claim: HeldClaim) -> OutboxEntry:
        """Build the outbox entry of a claim that has lost its own."""
        async with self.ledger.read() as conn:
            allotments = await drops.allotments_of(conn, row.id)
        its = next((a for a in allotments if a.first <= claim.unit <= a.last), None)
        # A unit that no allotment has cannot be inserted; the claim is then restored on another unit.
        its = its or Allotment("alt_unknown", claim.unit, claim.unit)
        return OutboxEntry(
            shard=row.shard,
            entry_id="0-0",
            claim_id=claim.claim_id,
            drop_id=row.id,
            batch_id=row.batch_id,
            room=row.room,
            student=student,
            request_id=claim.request_id,
            unit=claim.unit,
            slot=claim.slot,
            per_student=row.per_student,
            allotment_id=its.id,
            allotment_first=its.first,
            allotment_last=its.last,
            won_at=claim.won_at,
        )

    # --- steps 2 to 5 -------------------------------------------------------------------------

    async def _repair_leased(
        self,
        shard: int,
        findings: Sequence[Finding],
        seen: Mapping[str, SeenCoupon],
        run_id: str,
        now: int,
    ) -> list[Repair]:
        await self._drain_outbox(shard, now)
        repairs, restored = await self._restore_claims(shard, findings, seen, now)
        for drop_id in sorted({one.drop for one in findings if one.drop}):
            reconciled = await reconcile_drop_units(self.ledger, drop_id)
            repairs += [reconciled] if reconciled is not None else []
        losers = await self._students_who_would_lose(shard, now)
        if losers:
            # The desk was not changed: arm it again with the epoch that it had.
            epoch = (await self.desk.fence(shard)).epoch
            await self.fence.arm(shard, run_id, epoch)
            names = ", ".join(losers)
            repairs.append(
                Repair(
                    f"desk shard {shard}: left as it is, because building it anew would take from {names} "
                    "what they were told; top the drop up and repair again",
                    False,
                )
            )
        elif await self._wait_until_rebuilt(shard, now):
            repairs.append(Repair(f"desk shard {shard}: built anew from the ledger"))
        else:
            repairs.append(Repair(f"desk shard {shard}: it is still being built", False))
        await self._confirm(restored, now)
        return repairs

    async def _drain_outbox(self, shard: int, now: int) -> None:
        await self.outbox.make_group(shard)
        entries = await self.outbox.read_all(shard)
        for start in range(0, len(entries), AT_ONCE):
            await self.persister.write(entries[start : start + AT_ONCE], now)
            await self._extend_lease(shard)

    async def _restore_claims(
        self, shard: int, findings: Sequence[Finding], seen: Mapping[str, SeenCoupon], now: int
    ) -> tuple[list[Repair], list[OutboxEntry]]:
        """Restore dead letters and claims without coupons; return also the entries that are live now."""
        repairs, restored = [], []
        letters = await self._dead_letters(shard)
        without_coupon = await self._claims_without_coupon(shard, findings)
        for entry in [*letters, *without_coupon]:
            result = await restore_claim(self.ledger, entry, now, seen=seen.get(entry.claim_id))
            repairs.append(_repair_of(entry, result))
            if result.outcome is RestoreOutcome.RESTORED:
                restored.append(entry)
            await self._extend_lease(shard)
        return repairs, restored

    async def _dead_letters(self, shard: int) -> list[OutboxEntry]:
        async with self.ledger.read() as conn:
            return await read_dead_letters(conn, shard)

    async def _claims_without_coupon(
        self, shard: int, findings: Sequence[Finding]
    ) -> list[OutboxEntry]:
        rooms = {
            one.claim: one.room or ""
            for one in findings
            if one.kind is FindingKind.CLAIM_WITHOUT_COUPON and one.claim and not one.coupon
        }
        async with self.ledger.read() as conn:
            rows = await claims.by_ids(conn, list(rooms))
        return [to_outbox_entry(row, shard, rooms[row.id]) for row in rows.values()]

    async def _students_who_would_lose(self, shard: int, now: int) -> list[str]:
        """Return students with a live claim on the desk that a rebuild would take away.

        A claim that the ledger has released or revoked is not counted: that decision stands.
        """
        losers = []
        async with self.ledger.read() as conn:
            letters = await dead_letters_by_drop(conn, shard)
            for row in await drops_expected_on_desk(self.ledger, shard, now):
                after = (await read_drop_to_load(conn, row, letters[row.id])).holders
                for student, claim in (await read_drop_on_desk(self.desk, row)).live.items():
                    kept = after.get(student)
                    is_lost = kept is None or (
                        kept.state not in _LIVE and kept.claim_id != claim.claim_id
                    )
                    if is_lost:
                        losers.append(f"student {student} (drop {row.id})")
        return losers

    async def _confirm(self, restored: list[OutboxEntry], now: int) -> None:
        try:
            await self.persister.persist(restored, now)
        except DeskUnavailableError:
            # The shard is being rebuilt from a ledger that has these claims; gateways read them from the desk
            # within 2 s after that.
            return

    # --- lease and fence ----------------------------------------------------------------------

    async def _wait_for_lease(self, shard: int) -> str | None:
        """Take the lease, which shuts the fence, and return Redis' run id; None where another process has
        kept the lease until the deadline.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.deadline_s
        while (run_id := await self.fence.take_lease(shard)) is None:
            if loop.time() >= give_up_at:
                return None
            await asyncio.sleep(_RETRY_SECONDS)
        return run_id

    async def _extend_lease(self, shard: int) -> None:
        if await self.fence.take_lease(shard) is None:
            raise LeaseLostError

    async def _wait_until_rebuilt(self, shard: int, now: int) -> bool:
        """Rebuild the shard, unless a worker is faster; False at the deadline."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.deadline_s
        while shard in await self.fence.shut_shards():
            if loop.time() >= give_up_at:
                return False
            if not await self.rebuilder.rebuild(shard, now):
                await asyncio.sleep(_RETRY_SECONDS)
        return True


def _repair_of(entry: OutboxEntry, result: RestoreResult) -> Repair:
    who = f"drop {entry.drop_id}: student {entry.student}"
    match result.outcome:
        case RestoreOutcome.RESTORED:
            return Repair(f"{who} has unit {result.unit} in the ledger now, and a coupon")
        case RestoreOutcome.HAS_OTHER_CLAIM:
            return Repair(f"{who} has another claim of it, which counts; this one is done with")
        case RestoreOutcome.ALREADY_DECIDED:
            return Repair(f"{who}: the claim is {result.why} by now; nothing is left to do")
        case RestoreOutcome.NOTHING_FREE:
            return Repair(
                f"{who} was told won, and no unit or slot is left: top it up and repair again",
                False,
            )
        case RestoreOutcome.REJECTED:
            return Repair(f"{who}: the ledger still does not take it: {result.why}", False)
