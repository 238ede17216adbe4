"""Take the entries of a draw from the desk to the ledger, in order.

Called by drive_draws.py, for open draws a few times a second, and by the rebuild of a desk. An entry leaves
the desk's list only after the commit; its claim id makes a repetition a no-op. A desk that was rebuilt
meanwhile has given the same places to others, so nothing of the old one is written after that
(DeskReplacedError).
"""

from collections.abc import Sequence

from server.desk.claims.entry_record import DeskEntry
from server.desk.drops.draw_desk import ENTRIES_AT_ONCE
from server.flows.stores import Stores, assert_desk_epoch
from server.ledger.draws import entries
from server.ledger.draws.entries import EntryRow
from server.ledger.drops.drop_row import DropRow


async def take_entries(stores: Stores, row: DropRow) -> int | None:
    """Write all entries that the desk has. Return how many the draw has in all if no more can come, else
    None.

    Any number of workers may call it at once. DeskUnavailableError and LedgerUnavailableError are passed on.
    """
    while True:
        found = await stores.desk.draws.new_entries(row.shard, row.id)
        if found.entries:
            async with stores.ledger.begin() as conn:
                await assert_desk_epoch(conn, row, found.epoch)
                await entries.insert_new(conn, rows_of(row.id, found.entries))
            below = found.entries[-1].entry.number + 1
            await stores.desk.draws.drop_entries(row.shard, row.id, below)
        if len(found.entries) < ENTRIES_AT_ONCE:
            return found.entered if found.is_final else None


def rows_of(drop_id: str, found: Sequence[DeskEntry]) -> list[EntryRow]:
    """Return the entries as the ledger has them, with their leaves."""
    return [
        EntryRow(
            drop_id=drop_id,
            number=one.entry.number,
            student=one.student,
            claim_id=one.claim_id,
            request_id=one.entry.request_id,
            pseudonym=one.entry.pseudonym,
            client_random=one.entry.client_random,
            person=one.person,
            device=one.device,
            leaf=one.entry.leaf(drop_id).hex(),
            entered_at=one.entry.entered_at,
        )
        for one in found
    ]
