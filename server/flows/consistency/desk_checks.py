"""What desk and ledger say of each other, claim by claim, shard by shard (I1, I2, I3, I6).

Called by flows/consistency/doctor.py and, for the wins that only the desk knows, by
flows/consistency/repair.py. The order of reads is what keeps claims on their way out of it:

- who holds something on the desk has an entry in the outbox until the ledger has it: so holders first, then
  the outbox, then the ledger;
- what the ledger has was on the desk before: so ledger first, then holders, then the ledger again;
- both only where the fence was armed, by the same rebuild, before and after.
"""

from dataclasses import dataclass, field

from server.core.drops.claims import ClaimState
from server.core.drops.drops import DropState
from server.desk.claim_record import HeldClaim
from server.desk.desk_audit import DeskAudit, DropCounters
from server.flows.consistency.findings import REBUILD, RECORD, Finding, FindingKind, drop_label
from server.flows.consistency.rebuild_desk import CLOSED_KEPT_MS
from server.ledger import intents
from server.ledger.consistency import unit_audit
from server.ledger.drops import claims, drops
from server.ledger.drops.drops import DropRow
from server.ledger.engine import Ledger

# The desk forgets a closed drop some time after that, and need not be asked for it at the very end.
LOOKED_AT_AFTER_CLOSE_MS = CLOSED_KEPT_MS - 3600 * 1000
_LIVE = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(slots=True)
class DropOnDesk:
    """One drop as the desk had it, from before the first holder was read until after the last. `counters`
    None: not there; `is_still`: nobody claimed and nothing came back meanwhile."""

    row: DropRow
    counters: DropCounters | None
    is_still: bool = False
    free: set[int] = field(default_factory=set)
    holders: dict[str, HeldClaim] = field(default_factory=dict)
    slots: dict[str, set[int]] = field(default_factory=dict)

    @property
    def live(self) -> dict[str, HeldClaim]:
        return {student: held for student, held in self.holders.items() if held.state in _LIVE}


async def check_shard(ledger: Ledger, desk: DeskAudit, shard: int, now: int) -> list[Finding]:
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
    for row in await drops_to_know(ledger, shard, now):
        found += await _check_drop(ledger, desk, row)
    return found if await desk.fence(shard) == before else []


async def drops_to_know(ledger: Ledger, shard: int, now: int) -> list[DropRow]:
    async with ledger.read() as conn:
        ids = await claims.drops_on_desk(conn, shard, now - LOOKED_AT_AFTER_CLOSE_MS)
        return await drops.find_all(conn, ids)


async def read_drop(desk: DeskAudit, row: DropRow) -> DropOnDesk:
    counters = await desk.counters(row.shard, row.id)
    seen = DropOnDesk(row, counters)
    if counters is None:
        return seen
    seen.free = await desk.free_units(row.shard, row.id)
    async for piece in desk.holders(row.shard, row.id):
        seen.holders.update(piece)
        if not counters.is_closed:
            seen.slots |= await desk.slots(row.shard, row.batch_id, list(piece))
    seen.is_still = await desk.counters(row.shard, row.id) == counters
    return seen


async def only_on_desk(ledger: Ledger, desk: DeskAudit, seen: DropOnDesk) -> dict[str, HeldClaim]:
    """Student -> what they hold on the desk, and neither outbox nor ledger knows."""
    live = seen.live
    by_claim = {held.claim_id: student for student, held in live.items()}
    async with ledger.read() as conn:
        unknown = by_claim.keys() - await unit_audit.claim_states(conn, list(by_claim))
    if unknown:
        unknown -= (await desk.in_outbox(seen.row.shard)).keys()
        async with ledger.read() as conn:
            unknown -= (await unit_audit.claim_states(conn, list(unknown))).keys()
    return {by_claim[claim_id]: live[by_claim[claim_id]] for claim_id in sorted(unknown)}


async def _check_drop(ledger: Ledger, desk: DeskAudit, row: DropRow) -> list[Finding]:
    async with ledger.read() as conn:
        booked = await unit_audit.live_claims(conn, row.id)
        row = await drops.find(conn, row.id) or row
        is_changing = bool(await intents.pending_among(conn, [row.id]))
    seen = await read_drop(desk, row)
    found = _counters(seen, is_changing=is_changing)
    for student, held in (await only_on_desk(ledger, desk, seen)).items():
        found.append(_unrecorded(row, student, held))
    found += await _unlike_the_ledger(ledger, seen, booked)
    found += await _never_confirmed(desk, seen, booked)
    return found + await _slots_not_counted(ledger, seen)


def _counters(seen: DropOnDesk, *, is_changing: bool) -> list[Finding]:
    """The desk's own books, and how many units it was told of."""
    row, counters = seen.row, seen.counters
    if counters is None and row.state is DropState.OPEN and not is_changing:
        return [_about_drop(row, "it is open, and the desk does not know it")]
    if counters is None or not seen.is_still:
        return []
    units = [held.unit for held in seen.live.values()]
    wrong = []
    if len(units) != len(set(units)):
        wrong.append("a unit has two holders")
    if len(units) != counters.live:
        wrong.append(f"it counts {counters.live} claims and has {len(units)}")
    if seen.free & set(units):
        wrong.append("a unit that somebody holds is offered again")
    never_taken = counters.quantity - (counters.next - 1)
    accounted = never_taken + len(seen.free) + len(units)
    if accounted != counters.quantity or never_taken < 0:
        wrong.append(f"of its {counters.quantity} units it accounts for {accounted}")
    if not (counters.is_closed or is_changing) and counters.quantity != row.quantity:
        wrong.append(f"it has {counters.quantity} units, the ledger gave it {row.quantity}")
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


def _unrecorded(row: DropRow, student: str, held: HeldClaim) -> Finding:
    was_told = "won" if held.state is ClaimState.WON else "confirmed"
    return _about_claim(
        FindingKind.UNRECORDED_WIN if held.state is ClaimState.WON else FindingKind.UNKNOWN_HOLDER,
        row,
        student,
        held,
        f"was told {was_told} (unit {held.unit}), and neither outbox nor ledger has it",
        RECORD,
    )


async def _unlike_the_ledger(
    ledger: Ledger, seen: DropOnDesk, booked: dict[str, tuple[str, int]]
) -> list[Finding]:
    row, on_desk = seen.row, {held.claim_id: held for held in seen.holders.values()}
    suspects = [
        claim_id
        for claim_id, (_, unit) in booked.items()
        if claim_id not in on_desk or on_desk[claim_id].unit != unit
    ]
    gone = [held.claim_id for held in seen.live.values() if held.claim_id not in booked]
    async with ledger.read() as conn:
        states = await unit_audit.claim_states(conn, [*suspects, *gone])
    found = [
        _of_booked(row, claim_id, booked[claim_id], on_desk.get(claim_id))
        for claim_id in suspects
        if states.get(claim_id) == "live"
    ]
    return found + [
        _about_claim(
            FindingKind.HELD_THOUGH_GONE,
            row,
            student,
            held,
            f"holds unit {held.unit} on the desk by a claim that is {states[held.claim_id]}",
            REBUILD,
        )
        for student, held in seen.live.items()
        if states.get(held.claim_id) in ("released", "revoked")
    ]


def _of_booked(
    row: DropRow, claim_id: str, booked: tuple[str, int], held: HeldClaim | None
) -> Finding:
    student, unit = booked
    if held is None:
        kind, what = (
            FindingKind.FORGOTTEN_CLAIM,
            f"has unit {unit} in the ledger, the desk does not know it",
        )
    else:
        kind = FindingKind.ANOTHER_UNIT
        what = f"has unit {unit} in the ledger and unit {held.unit} on the desk"
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


async def _never_confirmed(
    desk: DeskAudit, seen: DropOnDesk, booked: dict[str, tuple[str, int]]
) -> list[Finding]:
    """An entry leaves the outbox when the desk has been told: one without an entry has been forgotten."""
    row = seen.row
    waiting = {
        student: held
        for student, held in seen.holders.items()
        if held.state is ClaimState.WON and held.claim_id in booked
    }
    if not waiting:
        return []
    under_way = await desk.in_outbox(row.shard)
    forgotten = [student for student, held in waiting.items() if held.claim_id not in under_way]
    still = await desk.holders_of(row.shard, row.id, forgotten)
    return [
        _about_claim(
            FindingKind.NEVER_CONFIRMED,
            row,
            student,
            held,
            f"won unit {held.unit}, the ledger has it, and the student is not told so",
            REBUILD,
        )
        for student, held in still.items()
        if held.state is ClaimState.WON
    ]


async def _slots_not_counted(ledger: Ledger, seen: DropOnDesk) -> list[Finding]:
    """A slot that the desk forgot lets a student win once more than allowed, which the ledger refuses.
    A rebuild counts those of claims; a dead letter is no claim yet."""
    if seen.counters is None or seen.counters.is_closed:
        return []
    forgotten = {
        student: held
        for student, held in seen.holders.items()
        if held.state is not ClaimState.REVOKED and held.slot not in seen.slots.get(student, set())
    }
    async with ledger.read() as conn:
        states = await unit_audit.claim_states(conn, [held.claim_id for held in forgotten.values()])
    return [
        _about_claim(
            FindingKind.SLOT_NOT_COUNTED,
            seen.row,
            student,
            held,
            f"has used slot {held.slot} of the batch, and the desk would let it be used again",
            REBUILD,
        )
        for student, held in forgotten.items()
        if states.get(held.claim_id) != "dead"
    ]


def _about_claim(
    kind: FindingKind, row: DropRow, student: str, held: HeldClaim, what: str, todo: str
) -> Finding:
    return Finding(
        kind,
        f"{drop_label(row.id, row.room)}: student {student} {what}",
        todo,
        drop=row.id,
        room=row.room,
        student=student,
        unit=held.unit,
        claim=held.claim_id,
        shard=row.shard,
    )
