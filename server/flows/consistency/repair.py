"""Mends what doctor found, as far as nobody loses anything by it (decision 0014).

Called by commands/doctor.py with what flows/consistency/doctor.py found. May run beside workers, web
processes and another doctor: a desk shard is mended under the lease that every rebuild takes, the ledger in
transactions that look again. Order, for a shard, and why:

1. what only the desk knows becomes dead letters: whoever rebuilds the desk from then on keeps them;
2. lease: the fence is shut, nobody wins; the outbox is drained into the ledger, so that every seat that
   was sold is taken by its owner;
3. dead letters and claims without coupons are put right in the ledger, closed drops are balanced;
4. the desk is loaded and armed: unless somebody would lose something by it, then it is armed as it was;
5. whoever got something is told.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy.exc import IntegrityError

from server.core.drops.claims import ClaimState
from server.core.drops.drops import Allotment
from server.desk import DeskUnavailableError
from server.desk.claim_record import HeldClaim
from server.desk.desk_audit import DeskAudit
from server.desk.fence import Fence, LeaseLostError
from server.desk.outbox import Outbox, OutboxEntry
from server.flows.consistency.desk_checks import drops_to_know, only_on_desk, read_drop
from server.flows.consistency.doctor import LEFT_BEHIND_MS
from server.flows.consistency.findings import Finding, FindingKind, Repair
from server.flows.consistency.rebuild_desk import DeskRebuilder, dead_by_drop, loaded_drop
from server.flows.consistency.reconcile_drop_units import reconcile_drop_units
from server.flows.consistency.restore_claims import (
    RestoreOutcome,
    RestoreResult,
    SeenCoupon,
    restore_claim,
    to_outbox_entry,
)
from server.flows.drops import reassign_claims
from server.flows.drops.drive_intents import drive_pending
from server.flows.drops.persist_claims import AT_ONCE, ClaimPersister
from server.flows.stores import Stores
from server.ledger.consistency import unit_audit
from server.ledger.drops import claims, dead_letters, drops
from server.ledger.drops.drops import DropRow

DEADLINE_SECONDS = 30.0
_ASK_AGAIN_S = 0.1
_LIVE = (ClaimState.WON, ClaimState.CONFIRMED)
_OF_A_SHARD = frozenset(FindingKind) - {
    FindingKind.WEAK_REDIS,
    FindingKind.OUTBOX_WAITS,
    FindingKind.INTENT_LEFT_BEHIND,
    FindingKind.UNKNOWN_DROP,
    FindingKind.COUPON_WITHOUT_CLAIM,
    FindingKind.BATCH_COUNTER,
}


@dataclass(frozen=True, slots=True)
class Repairer:
    stores: Stores
    desk: DeskAudit
    fence: Fence
    outbox: Outbox
    persister: ClaimPersister
    rebuilder: DeskRebuilder
    deadline_s: float = DEADLINE_SECONDS

    async def repair(self, findings: Sequence[Finding], now: int) -> list[Repair]:
        """What was done, and what could not be. DeskUnavailableError, LedgerUnavailableError: what was
        done until then holds; all of it may be asked for again."""
        said: list[Repair] = []
        if any(one.kind is FindingKind.INTENT_LEFT_BEHIND for one in findings):
            said.append(await self._drive(now))
        of_shards = [one for one in findings if one.kind in _OF_A_SHARD and one.shard is not None]
        for shard in sorted({one.shard for one in of_shards if one.shard is not None}):
            said += await self._mend_shard(shard, [o for o in of_shards if o.shard == shard], now)
        batch_ids = {
            one.batch for one in findings if one.kind is FindingKind.BATCH_COUNTER and one.batch
        }
        for batch_id in sorted(batch_ids):
            said.append(await self._correct(batch_id))
        return said

    async def _drive(self, now: int) -> Repair:
        try:
            driven = await drive_pending(self.stores, LEFT_BEHIND_MS, now)
        except (LookupError, RuntimeError) as error:
            return Repair(f"a change of a drop cannot be told to the desk: {error}", False)
        what = f"told the desk {driven.done} changes of drops that were left behind"
        if driven.waiting:
            what += f"; {driven.waiting} have to wait until it takes them"
        return Repair(what, not driven.waiting)

    async def _correct(self, batch_id: str) -> Repair:
        try:
            async with self.stores.ledger.begin() as conn:
                await unit_audit.correct_counters(conn, batch_id)
        except IntegrityError:
            return Repair(
                f"batch {batch_id}: its drops hold more than it has; a person has to look", False
            )
        return Repair(f"batch {batch_id}: set what is with drops to what its drops have")

    # --- one shard of the desk ------------------------------------------------------------------

    async def _mend_shard(self, shard: int, findings: Sequence[Finding], now: int) -> list[Repair]:
        kinds = {one.kind for one in findings}
        busy = Repair(
            f"desk shard {shard}: somebody else has been building it for {self.deadline_s:.0f} s; "
            "look again later",
            False,
        )
        said: list[Repair] = []
        if FindingKind.FENCE_SHUT in kinds:
            if not await self._rebuilt(shard, now):
                return [busy]
            said.append(
                Repair(f"desk shard {shard}: built anew from the ledger, takes claims again")
            )
        if kinds == {FindingKind.FENCE_SHUT}:
            return said
        try:
            shown = await self._set_aside(shard, now)
            run_id = await self._taken(shard)
            if run_id is None:
                return [*said, busy]
            return said + await self._mend_taken(shard, findings, shown, run_id, now)
        except LeaseLostError:
            return [*said, busy]

    async def _set_aside(self, shard: int, now: int) -> dict[str, SeenCoupon]:
        """Step 1; and the coupons that the desk still has, by claim."""
        shown: dict[str, SeenCoupon] = {}
        for row in await drops_to_know(self.stores.ledger, shard, now):
            seen = await read_drop(self.desk, row)
            for held in seen.live.values():
                if held.coupon:
                    fields = orjson.loads(held.coupon)
                    shown[held.claim_id] = SeenCoupon(fields["id"], fields["code"])
            for student, held in (await only_on_desk(self.stores.ledger, self.desk, seen)).items():
                entry = await self._entry(row, student, held)
                why = "the desk said won, and neither outbox nor ledger had it"
                await reassign_claims.write_dead_letter(self.stores.ledger, entry, now, why)
        return shown

    async def _entry(self, row: DropRow, student: str, held: HeldClaim) -> OutboxEntry:
        async with self.stores.ledger.read() as conn:
            allotments = await drops.allotments_of(conn, row.id)
        its = next((a for a in allotments if a.first <= held.unit <= a.last), None)
        its = its or Allotment("alt_unknown", held.unit, held.unit)
        return OutboxEntry(
            shard=row.shard,
            entry_id="0-0",
            claim_id=held.claim_id,
            drop_id=row.id,
            batch_id=row.batch_id,
            room=row.room,
            student=student,
            request_id=held.request_id,
            unit=held.unit,
            slot=held.slot,
            per_student=row.per_student,
            allotment_id=its.id,
            allotment_first=its.first,
            allotment_last=its.last,
            won_at=held.won_at,
        )

    async def _mend_taken(
        self,
        shard: int,
        findings: Sequence[Finding],
        shown: dict[str, SeenCoupon],
        run_id: str,
        now: int,
    ) -> list[Repair]:
        await self._drain(shard, now)
        said, restored = await self._restore_all(shard, findings, shown, now)
        for drop_id in sorted({one.drop for one in findings if one.drop}):
            balanced = await reconcile_drop_units(self.stores.ledger, drop_id)
            said += [balanced] if balanced is not None else []
        losers = await self._would_lose(shard, now)
        if losers:
            epoch = (await self.desk.fence(shard)).epoch
            await self.fence.arm(shard, run_id, epoch)
            names = ", ".join(losers)
            said.append(
                Repair(
                    f"desk shard {shard}: left as it is, because building it anew would take from {names} "
                    "what they were told; top the drop up and repair again",
                    False,
                )
            )
        elif await self._rebuilt(shard, now):
            said.append(Repair(f"desk shard {shard}: built anew from the ledger"))
        else:
            said.append(Repair(f"desk shard {shard}: it is still being built", False))
        await self._tell(restored, now)
        return said

    async def _drain(self, shard: int, now: int) -> None:
        await self.outbox.make_group(shard)
        entries = await self.outbox.read_all(shard)
        for start in range(0, len(entries), AT_ONCE):
            await self.persister.write(entries[start : start + AT_ONCE], now)
            await self._keep_lease(shard)

    async def _restore_all(
        self, shard: int, findings: Sequence[Finding], shown: dict[str, SeenCoupon], now: int
    ) -> tuple[list[Repair], list[OutboxEntry]]:
        said, restored = [], []
        for entry in [*await self._letters(shard), *await self._bare(shard, findings)]:
            result = await restore_claim(
                self.stores.ledger, entry, now, shown=shown.get(entry.claim_id)
            )
            said.append(_restored(entry, result))
            if result.verdict is RestoreOutcome.RESTORED:
                restored.append(entry)
            await self._keep_lease(shard)
        return said, restored

    async def _letters(self, shard: int) -> list[OutboxEntry]:
        async with self.stores.ledger.read() as conn:
            letters = await dead_letters.find_all(conn, shard)
        return [OutboxEntry(**one.entry) for one in letters]  # type: ignore[arg-type]  # asdict

    async def _bare(self, shard: int, findings: Sequence[Finding]) -> list[OutboxEntry]:
        rooms = {
            one.claim: one.room or ""
            for one in findings
            if one.kind is FindingKind.CLAIM_WITHOUT_COUPON and one.claim and not one.coupon
        }
        async with self.stores.ledger.read() as conn:
            rows = await claims.by_ids(conn, list(rooms))
        return [to_outbox_entry(row, shard, rooms[row.id]) for row in rows.values()]

    async def _would_lose(self, shard: int, now: int) -> list[str]:
        """Students who hold something on the desk that it would not have after its rebuild, but for what
        the ledger has decided about that very claim."""
        losers = []
        async with self.stores.ledger.read() as conn:
            dead = await dead_by_drop(conn, shard)
            for row in await drops_to_know(self.stores.ledger, shard, now):
                after = (await loaded_drop(conn, row, dead[row.id])).holders
                for student, held in (await read_drop(self.desk, row)).live.items():
                    kept = after.get(student)
                    if kept is None or (kept.state not in _LIVE and kept.claim_id != held.claim_id):
                        losers.append(f"student {student} (drop {row.id})")
        return losers

    async def _tell(self, restored: list[OutboxEntry], now: int) -> None:
        try:
            await self.persister.persist(restored, now)
        except DeskUnavailableError:
            return  # it is being built, from a ledger that has them; gateways read it every 2 s

    # --- its fence ------------------------------------------------------------------------------

    async def _taken(self, shard: int) -> str | None:
        """The lease, with the fence shut; None: somebody else has kept it until the deadline."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.deadline_s
        while (run_id := await self.fence.take_lease(shard)) is None:
            if loop.time() >= give_up_at:
                return None
            await asyncio.sleep(_ASK_AGAIN_S)
        return run_id

    async def _keep_lease(self, shard: int) -> None:
        if await self.fence.take_lease(shard) is None:
            raise LeaseLostError

    async def _rebuilt(self, shard: int, now: int) -> bool:
        """By us or by a worker, whoever is first."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.deadline_s
        while shard in await self.fence.shut_shards():
            if loop.time() >= give_up_at:
                return False
            if not await self.rebuilder.rebuild(shard, now):
                await asyncio.sleep(_ASK_AGAIN_S)
        return True


def _restored(entry: OutboxEntry, result: RestoreResult) -> Repair:
    who = f"drop {entry.drop_id}: student {entry.student}"
    match result.verdict:
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
