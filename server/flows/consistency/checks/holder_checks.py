"""Check that the desk counts the slots of persons and devices that the ledger knows (promise I2 over all
accounts of one person).

Called by desk_checks.py for the drops of one shard. A slot that the desk does not count would let another
account of the same person win, and the ledger would refuse that claim after the student was told `won`.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Final

from server.core.drops.drops import DropState
from server.core.ids import Slot, StudentId
from server.core.promotions.holders import HolderKind
from server.desk.claims.caps import CapName, field_of
from server.desk.shards.desk_audit import DeskAudit
from server.flows.consistency.findings import REBUILD, Finding, FindingKind
from server.ledger.coupons import holder_slots
from server.ledger.drops import caps
from server.ledger.drops.caps import SlotSource, UsedSlot
from server.ledger.drops.drop_row import DropRow
from server.ledger.engine import Ledger

_SOURCES: Final = (
    (HolderKind.PERSON, CapName.PERSON, SlotSource.PERSONS),
    (HolderKind.DEVICE, CapName.DEVICE, SlotSource.DEVICES),
)


async def check_holder_slots(
    ledger: Ledger, desk: DeskAudit, shard: int, rows: Iterable[DropRow]
) -> list[Finding]:
    """Return one finding for each batch with an open drop, and kind of holder, that has such slots. The
    hashes are personal data and are in no finding."""
    found: list[Finding] = []
    for batch_id in sorted({row.batch_id for row in rows if row.state is DropState.OPEN}):
        for kind, name, source in _SOURCES:
            missing = 0
            async for page in _pages(ledger, source, batch_id):
                suspects = await _not_counted(desk, shard, batch_id, name, page)
                missing += await _still_used(ledger, kind, batch_id, suspects)
            if missing:
                found.append(_finding(kind, batch_id, shard, missing))
    return found


async def _pages(
    ledger: Ledger, source: SlotSource, batch_id: str
) -> AsyncIterator[list[UsedSlot]]:
    after = caps.BEGINNING
    while True:
        async with ledger.read() as conn:
            page = await caps.page(conn, source, batch_id, after)
        if page:
            yield page
        if len(page) < caps.PAGE:
            return
        after = page[-1]


async def _not_counted(
    desk: DeskAudit, shard: int, batch_id: str, name: CapName, page: list[UsedSlot]
) -> list[UsedSlot]:
    fields = [StudentId(field_of(name, used.student)) for used in page]
    on_desk = await desk.slots(shard, batch_id, fields)
    pairs = zip(fields, page, strict=True)
    return [used for field, used in pairs if used.slot not in on_desk[field]]


async def _still_used(
    ledger: Ledger, kind: HolderKind, batch_id: str, suspects: list[UsedSlot]
) -> int:
    """Count those that the ledger has still: a claim may have been revoked between the two reads."""
    if not suspects:
        return 0
    async with ledger.read() as conn:
        used: dict[str, set[Slot]] = await holder_slots.used_of_many(
            conn, kind, batch_id, {one.student for one in suspects}
        )
    return sum(one.slot in used.get(one.student, set()) for one in suspects)


def _finding(kind: HolderKind, batch_id: str, shard: int, missing: int) -> Finding:
    return Finding(
        FindingKind.HOLDER_NOT_COUNTED,
        f"batch {batch_id}: {missing} slots that {kind.value}s have used are not counted on the desk, which "
        "would let other accounts of theirs win",
        REBUILD,
        batch=batch_id,
        shard=shard,
    )
