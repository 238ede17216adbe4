"""Check that desk and ledger agree, claim by claim, shard by shard (promises I1, I2, I3, I6).

Called by doctor.py. Changes nothing, and may run while claims go on. A finding must not be a claim that is
merely between desk and ledger, so the order of reads is fixed:

- a claim on the desk has an entry in the outbox until the ledger has it: to find claims that the ledger
  lacks, read the desk, then the outbox, then the ledger;
- a claim in the ledger was on the desk before: to find claims that the desk lacks, read the ledger, then the
  desk, then the ledger again;
- both only count where the fence was armed, by the same rebuild, before and after.
"""

from server.core.drops.claims import ClaimState
from server.core.drops.drops import DropState
from server.core.ids import ClaimId, StudentId, Unit
from server.desk.claims.claim_record import HeldClaim
from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency.checks.holder_checks import check_holder_slots
from server.flows.consistency.findings import REBUILD, RECORD, Finding, FindingKind, drop_label
from server.flows.consistency.rebuild.desk_snapshot import (
    DropOnDesk,
    claims_only_on_desk,
    drops_expected_on_desk,
    read_drop_on_desk,
)
from server.ledger import intents
from server.ledger.consistency import unit_audit
from server.ledger.drops import drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger

# Live claims in the ledger: claim id -> student and unit.
_LedgerClaims = dict[ClaimId, tuple[StudentId, Unit]]


async def check_shard(ledger: Ledger, desk: DeskAudit, shard: int, now: int) -> list[Finding]:
    """Return what is wrong with the drops of one shard.

    A shard whose fence is shut gets that one finding: the rest is known after its rebuild. Where the shard
    was rebuilt during the check nothing is returned, because the reads belong to different desks.
    """
    before = await desk.fence(shard)
    if not before.is_armed:
        return [
            Finding(
                FindingKind.FENCE_SHUT,
                f"desk shard {shard} takes no claims: it waits to be built anew from the ledger",
                "a worker does it by itself; without one, --repair",
                shard=shard,
            )
        ]
    found: list[Finding] = []
    rows = await drops_expected_on_desk(ledger, shard, now)
    for row in rows:
        found += await _check_drop(ledger, desk, row)
    found += await check_holder_slots(ledger, desk, shard, rows)
    return found if await desk.fence(shard) == before else []


async def _check_drop(ledger: Ledger, desk: DeskAudit, row: DropRow) -> list[Finding]:
    async with ledger.read() as conn:
        in_ledger = await unit_audit.live_claims(conn, row.id)
        row = await drops.find(conn, row.id) or row
        is_changing = bool(await intents.pending_among(conn, [row.id]))
    on_desk = await read_drop_on_desk(desk, row)
    found = _check_counters(on_desk, is_changing=is_changing)
    for student, claim in (await claims_only_on_desk(ledger, desk, on_desk)).items():
        found.append(_unrecorded(row, student, claim))
    found += await _check_against_ledger(ledger, on_desk, in_ledger)
    found += await _check_confirmations(desk, on_desk, in_ledger)
    return found + await _check_slots(ledger, on_desk)


def _check_counters(on_desk: DropOnDesk, *, is_changing: bool) -> list[Finding]:
    """Check that the desk's numbers add up, and that it has as many units as the ledger gave it.

    `is_changing`: an intent is pending, so the number of units may differ for a moment.
    """
    row, counters = on_desk.row, on_desk.counters
    if counters is None and row.state is DropState.OPEN and not is_changing:
        return [_about_drop(row, "it is open, and the desk does not know it")]
    if counters is None or not on_desk.is_still:
        return []
    units = [claim.unit for claim in on_desk.live.values()]
    wrong = []
    if len(units) != len(set(units)):
        wrong.append("a unit has two holders")
    if len(units) != counters.live:
        wrong.append(f"it counts {counters.live} claims and has {len(units)}")
    if on_desk.free & set(units):
        wrong.append("a unit that somebody holds is offered again")
    # Units are taken in ascending order: those from `next` on were never taken. `free` are those that came
    # back.
    never_taken = counters.quantity - (counters.next - 1)
    accounted = never_taken + len(on_desk.free) + len(units)
    # Units of an earlier opening may have gone back to the batch although their numbers are lower.
    is_overdrawn = never_taken < 0 and row.openings == 1
    if accounted != counters.quantity or is_overdrawn:
        wrong.append(f"of its {counters.quantity} units it accounts for {accounted}")
    if not (counters.is_closed or is_changing) and counters.quantity != row.in_drop:
        wrong.append(f"it has {counters.quantity} units, the ledger gave it {row.in_drop}")
    return [_about_drop(row, f"the desk's books are wrong: {'; '.join(wrong)}")] if wrong else []


def _about_drop(row: DropRow, what: str) -> Finding:
    return Finding(
        FindingKind.DESK_DIFFERS,
        f"{drop_label(row.id, row.room)}: {what}",
        REBUILD,
        drop=row.id,
        room=row.room,
        shard=row.shard,
    )


def _unrecorded(row: DropRow, student: str, claim: HeldClaim) -> Finding:
    is_won = claim.state is ClaimState.WON
    was_told = "won" if is_won else "confirmed"
    return _about_claim(
        FindingKind.UNRECORDED_WIN if is_won else FindingKind.UNKNOWN_HOLDER,
        row,
        student,
        claim,
        f"was told {was_told} (unit {claim.unit}), and neither outbox nor ledger has it",
        todo=RECORD,
    )


async def _check_against_ledger(
    ledger: Ledger, on_desk: DropOnDesk, in_ledger: _LedgerClaims
) -> list[Finding]:
    """Find live claims of the ledger that the desk lacks or has on another unit, and live claims of the desk
    that are released or revoked in the ledger.

    The ledger's state is read again after the desk: a claim may have been released between the two reads.
    """
    row, by_id = on_desk.row, {claim.claim_id: claim for claim in on_desk.claims.values()}
    suspects = [
        claim_id
        for claim_id, (_, unit) in in_ledger.items()
        if claim_id not in by_id or by_id[claim_id].unit != unit
    ]
    gone = [claim.claim_id for claim in on_desk.live.values() if claim.claim_id not in in_ledger]
    async with ledger.read() as conn:
        states = await unit_audit.claim_states(conn, [*suspects, *gone])
    found = [
        _missing_or_moved(row, claim_id, in_ledger[claim_id], by_id.get(claim_id))
        for claim_id in suspects
        if states.get(claim_id) == "live"
    ]
    return found + [
        _about_claim(
            FindingKind.HELD_THOUGH_GONE,
            row,
            student,
            claim,
            f"holds unit {claim.unit} on the desk by a claim that is {states[claim.claim_id]}",
        )
        for student, claim in on_desk.live.items()
        if states.get(claim.claim_id) in ("released", "revoked")
    ]


def _missing_or_moved(
    row: DropRow, claim_id: str, in_ledger: tuple[str, int], on_desk: HeldClaim | None
) -> Finding:
    student, unit = in_ledger
    if on_desk is None:
        kind = FindingKind.FORGOTTEN_CLAIM
        what = f"has unit {unit} in the ledger, the desk does not know it"
    else:
        kind = FindingKind.ANOTHER_UNIT
        what = f"has unit {unit} in the ledger and unit {on_desk.unit} on the desk"
    return Finding(
        kind,
        f"{drop_label(row.id, row.room)}: student {student} {what}",
        REBUILD,
        drop=row.id,
        room=row.room,
        student=student,
        unit=unit,
        claim=claim_id,
        shard=row.shard,
    )


async def _check_confirmations(
    desk: DeskAudit, on_desk: DropOnDesk, in_ledger: _LedgerClaims
) -> list[Finding]:
    """Find claims that the ledger has, and that the desk will never confirm.

    An entry leaves the outbox only after the desk has confirmed its claim. So a claim that is still `won`
    and has no entry was forgotten.
    """
    row = on_desk.row
    unconfirmed = {
        student: claim
        for student, claim in on_desk.claims.items()
        if claim.state is ClaimState.WON and claim.claim_id in in_ledger
    }
    if not unconfirmed:
        return []
    in_outbox = await desk.in_outbox(row.shard)
    forgotten = [
        student for student, claim in unconfirmed.items() if claim.claim_id not in in_outbox
    ]
    # Read the desk again: the claim may have been confirmed before the outbox was read.
    now_on_desk = await desk.holders_of(row.shard, row.id, forgotten)
    return [
        _about_claim(
            FindingKind.NEVER_CONFIRMED,
            row,
            student,
            claim,
            f"won unit {claim.unit}, the ledger has it, and the student is not told so",
        )
        for student, claim in now_on_desk.items()
        if claim.state is ClaimState.WON
    ]


async def _check_slots(ledger: Ledger, on_desk: DropOnDesk) -> list[Finding]:
    """Find slots of the batch that are used by a claim and that the desk does not count.

    The desk would let the student win once more than allowed, and the ledger would refuse that claim. Dead
    letters are left out: each has a finding of its own.
    """
    if on_desk.counters is None or on_desk.counters.is_closed:
        return []
    forgotten = {
        student: claim
        for student, claim in on_desk.claims.items()
        if claim.state is not ClaimState.REVOKED
        and claim.slot not in on_desk.slots.get(student, set())
    }
    async with ledger.read() as conn:
        states = await unit_audit.claim_states(
            conn, [claim.claim_id for claim in forgotten.values()]
        )
    return [
        _about_claim(
            FindingKind.SLOT_NOT_COUNTED,
            on_desk.row,
            student,
            claim,
            f"has used slot {claim.slot} of the batch, and the desk would let it be used again",
        )
        for student, claim in forgotten.items()
        if states.get(claim.claim_id) != "dead"
    ]


def _about_claim(
    kind: FindingKind,
    row: DropRow,
    student: str,
    claim: HeldClaim,
    what: str,
    *,
    todo: str = REBUILD,
) -> Finding:
    return Finding(
        kind,
        f"{drop_label(row.id, row.room)}: student {student} {what}",
        todo,
        drop=row.id,
        room=row.room,
        student=student,
        unit=claim.unit,
        claim=claim.claim_id,
        shard=row.shard,
    )
