"""Read one drop from the desk and compare its claims with outbox and ledger.

Called by desk_checks.py, and by repair_shard.py to find the wins that only the desk knows. The order of reads
keeps claims that are in the outbox out of the result: a student who has a claim on the desk has an entry in
the outbox until the ledger has the claim. So the desk is read first, then the outbox, then the ledger.
"""

from dataclasses import dataclass, field

from server.core.drops.claims import ClaimState
from server.core.ids import Slot, StudentId, Unit
from server.desk.claims.claim_record import HeldClaim
from server.desk.shards.desk_audit import DeskAudit, DropCounters
from server.flows.consistency.rebuild.rebuild_desk import CLOSED_KEPT_MS
from server.ledger.consistency import unit_audit
from server.ledger.drops import claims, drops
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger

# One hour less than the desk keeps a closed drop: it may forget the drop while it is being checked.
CHECKED_AFTER_CLOSE_MS = CLOSED_KEPT_MS - 3600 * 1000
_LIVE = (ClaimState.WON, ClaimState.CONFIRMED)


@dataclass(slots=True)
class DropOnDesk:
    """One drop as the desk had it.

    `counters` is None where the desk does not know the drop. `is_still` means that nothing changed between
    the first read and the last: only then may the parts be compared with each other. `claims` and `slots` are
    by student, `slots` only for a drop that is not closed.
    """

    row: DropRow
    counters: DropCounters | None
    is_still: bool = False
    free: set[Unit] = field(default_factory=set)
    claims: dict[StudentId, HeldClaim] = field(default_factory=dict)
    slots: dict[StudentId, set[Slot]] = field(default_factory=dict)

    @property
    def live(self) -> dict[StudentId, HeldClaim]:
        """Live claims by student: won or confirmed."""
        return {student: claim for student, claim in self.claims.items() if claim.state in _LIVE}


async def drops_expected_on_desk(ledger: Ledger, shard: int, now: int) -> list[DropRow]:
    """Return the drops that this shard has to know at `now` (ms)."""
    async with ledger.read() as conn:
        ids = await claims.drops_on_desk(conn, shard, now - CHECKED_AFTER_CLOSE_MS)
        return await drops.find_all(conn, ids)


async def read_drop_on_desk(desk: DeskAudit, row: DropRow) -> DropOnDesk:
    """Read the drop page by page while the desk goes on. DeskUnavailableError is passed on."""
    counters = await desk.counters(row.shard, row.id)
    on_desk = DropOnDesk(row, counters)
    if counters is None:
        return on_desk
    on_desk.free = await desk.free_units(row.shard, row.id)
    async for page in desk.holders(row.shard, row.id):
        on_desk.claims.update(page)
        if not counters.is_closed:
            on_desk.slots |= await desk.slots(row.shard, row.batch_id, list(page))
    on_desk.is_still = await desk.counters(row.shard, row.id) == counters
    return on_desk


async def claims_only_on_desk(
    ledger: Ledger, desk: DeskAudit, on_desk: DropOnDesk
) -> dict[StudentId, HeldClaim]:
    """Return live claims, by student, that neither outbox nor ledger has."""
    live = on_desk.live
    by_claim = {claim.claim_id: student for student, claim in live.items()}
    async with ledger.read() as conn:
        unknown = by_claim.keys() - await unit_audit.claim_states(conn, list(by_claim))
    if unknown:
        unknown -= (await desk.in_outbox(on_desk.row.shard)).keys()
        # Once more: an entry may have left the outbox for the ledger between the two reads.
        async with ledger.read() as conn:
            unknown -= (await unit_audit.claim_states(conn, list(unknown))).keys()
    return {by_claim[claim_id]: live[by_claim[claim_id]] for claim_id in sorted(unknown)}
