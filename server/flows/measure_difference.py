"""How far desk and ledger disagree about the drops that are open (promise I6), measured while they are.

Called by the worker every few seconds. The two cannot be read at one moment, and a claim is on the desk
before it is in the ledger. So a look counts only where the outbox was empty before and after it, and no
claim came or went on the desk while the ledger was read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.desk.drop_desk import DeskCounts
from server.desk.fence import Fence
from server.desk.outbox import Outbox
from server.flows.places import Places
from server.ledger import drop_results, drops, intents
from server.ledger.intents import IntentKind

_AT_MOST = 200  # the newest: what is open, and still moves


@dataclass(frozen=True, slots=True)
class Difference:
    """Live claims of one drop, here and there."""

    drop_id: str
    on_desk: int
    in_ledger: int

    @property
    def units(self) -> int:
        return abs(self.on_desk - self.in_ledger)


async def measure_difference(
    places: Places, outbox: Outbox, fence: Fence
) -> list[Difference] | None:
    """Where they disagree; None: claims were on their way. DeskUnavailableError and
    LedgerUnavailableError pass."""
    if (await outbox.backlog()).entries:
        return None
    async with places.ledger.read() as conn:
        rows = await drops.open_ones(conn, _AT_MOST)
    of_rows = [(row.shard, row.id) for row in rows]
    before = _claims(await places.desk.counts_of_many(of_rows))
    async with places.ledger.read() as conn:
        in_ledger = await drop_results.live_claims_of(conn, [row.id for row in rows])
        # Released here, and the desk has perhaps not been told.
        untold = await intents.drops_with_pending(conn, IntentKind.RELEASE)
    after = _claims(await places.desk.counts_of_many(of_rows))
    shut = await fence.shut_shards()  # what is being rebuilt has a remedy already
    if before != after or (await outbox.backlog()).entries:
        return None
    found = [
        Difference(row.id, claimed, in_ledger[row.id])
        for row, (claimed, _) in zip(rows, after, strict=True)
        if row.shard not in shut and row.id not in untold
    ]
    return [difference for difference in found if difference.units]


def _claims(counts: Sequence[DeskCounts | None]) -> list[tuple[int, int]]:
    """Claimed now, and ever: one that came while another went shows in the second. An open drop that
    the desk does not know has no claims there, which is the largest of differences."""
    return [(one.claimed, one.claimed_total) if one is not None else (0, 0) for one in counts]
