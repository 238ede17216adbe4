"""What students have used of a batch and its campaign, brought to the desk when the desk needs it (I2, I15).

Called by rebuild_desk.py for what is open, by drive_intents.py before a drop opens, and by bind_code.py for
one student. A batch of which nothing is open is not read: its history may be long, and is of no use to a
desk on which nobody can claim of it.

While a desk goes on selling nothing of a cap that is not complete is taken, but by codes, which add what they
take to the same cap. What is in the ledger is only added to it. So the order is: what is on its way to the
ledger first, then the ledger, page after page; and the desk says that the cap is complete, or that it has
been loaded anew meanwhile. The promise itself is open.lua's: it opens no drop whose caps are not complete.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import Batch
from server.desk.cap_loader import CapLoader
from server.desk.caps import Cap, CapName, CapsMissing
from server.desk.fence import Fence
from server.desk.outbox import OutboxEntry
from server.ledger.drops import caps, claims, dead_letters
from server.ledger.drops.caps import SlotSource, UsedSlot
from server.ledger.engine import Ledger

_SOURCES: Final[Mapping[CapName, tuple[SlotSource, ...]]] = {
    # The long one last: only from its pages a loading that was cut short goes on.
    CapName.BATCH: (SlotSource.CODES, SlotSource.CLAIMS),
    CapName.CAMPAIGN: (SlotSource.CAMPAIGN,),
}
_AT_ONCE: Final = 1_000  # wins in one question
_Slots = Mapping[str, Sequence[int]]
_Reading = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


def caps_of(batch: Batch) -> list[Cap]:
    """What a claim of the batch, or a code, is counted for on the desk."""
    found = []
    if batch.quantity is not None:  # else no drop can use it
        found.append(Cap(CapName.BATCH, batch.id, batch.per_student))
    if batch.campaign_id is not None and batch.per_campaign is not None:
        found.append(Cap(CapName.CAMPAIGN, batch.campaign_id, batch.per_campaign))
    return found


async def load_missing_caps(
    ledger: Ledger, desk: CapLoader, batch: Batch, missing: CapsMissing
) -> None:
    """On a desk that goes on selling. Repeatable; goes on where an earlier call was cut short.
    DeskReplacedError: the desk has been loaded anew meanwhile. LedgerUnavailableError passes."""
    found = await desk.outbox_entries(batch.shard)
    async with ledger.read() as conn:
        wins = await _not_in_ledger(conn, found) + await read_dead_letters(conn, batch.shard)
    for cap in caps_of(batch):
        await _load(ledger, desk, batch.shard, (cap.name, cap.id), missing.load, wins)


async def _not_in_ledger(conn: AsyncConnection, wins: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """Of the others the ledger says whether they count: one that was revoked does not, and its entry may
    stand in the outbox until that is trimmed."""
    recorded: set[str] = set()
    for start in range(0, len(wins), _AT_ONCE):
        ids = [one.claim_id for one in wins[start : start + _AT_ONCE]]
        recorded |= set(await claims.standing_of(conn, ids))
    return [one for one in wins if one.claim_id not in recorded]


async def _load(
    ledger: Ledger,
    desk: CapLoader,
    shard: int,
    cap: tuple[CapName, str],
    load: str,
    wins: Sequence[OutboxEntry],
) -> None:
    reached = await desk.progress(shard, cap, load)
    if reached is None:
        return
    await desk.fill(shard, cap, load, slots_by_student(wins, *cap), "")
    async for slots, last in _pages(ledger.read, cap, _read_mark(reached)):
        await desk.fill(shard, cap, load, slots, last)
    await desk.complete(shard, cap, load)


async def load_caps_for_rebuild(
    conn: AsyncConnection,
    fence: Fence,
    shard: int,
    wins: Sequence[OutboxEntry],
    kept_until: Mapping[tuple[CapName, str], int],
    load: str,
) -> None:
    """All of these caps, on a desk that is shut, in the rebuild's transaction. `wins`: its dead letters."""

    @asynccontextmanager
    async def reading() -> AsyncIterator[AsyncConnection]:
        yield conn

    for cap, until in kept_until.items():
        await fence.load_caps(shard, cap, slots_by_student(wins, *cap))
        async for slots, _ in _pages(reading, cap, caps.BEGINNING):
            await fence.load_caps(shard, cap, slots, is_first=False)
        await fence.load_caps(shard, cap, {}, is_first=False, complete_as=load, kept_until=until)


async def used_by_student(ledger: Ledger, batch: Batch, student: str) -> dict[CapName, set[int]]:
    """What the ledger knows of one student."""
    found: dict[CapName, set[int]] = {}
    async with ledger.read() as conn:
        letters = await read_dead_letters(conn, batch.shard)
        for cap in caps_of(batch):
            if cap.name is CapName.BATCH:
                used = await claims.used_slots(conn, cap.id, student)
            else:
                used = await claims.used_campaign_slots(conn, cap.id, student)
            found[cap.name] = used | set(
                slots_by_student(letters, cap.name, cap.id).get(student, ())
            )
    return found


async def read_dead_letters(conn: AsyncConnection, shard: int) -> list[OutboxEntry]:
    """They count for their students' limits as well: they were told `won`."""
    letters = await dead_letters.find_all(conn, shard)
    return [OutboxEntry(**one.entry) for one in letters]  # type: ignore[arg-type]  # by _asdict


def slots_by_student(wins: Iterable[OutboxEntry], name: CapName, of: str) -> dict[str, list[int]]:
    """Student -> slots, of those wins that count for this batch or campaign."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for one in wins:
        its, slot = (one.batch_id, one.slot)
        if name is CapName.CAMPAIGN:
            its, slot = (one.campaign_id, one.campaign_slot)
        if its == of and not one.is_given_up:
            found[one.student].append(slot)
    return found


async def _pages(
    reading: _Reading, cap: tuple[CapName, str], reached: UsedSlot
) -> AsyncIterator[tuple[_Slots, str]]:
    """Student -> slots, and how far one has come with it ("" where a loading does not go on from)."""
    sources = _SOURCES[cap[0]]
    for source in sources:
        is_last = source is sources[-1]
        after = reached if is_last else caps.BEGINNING
        while True:
            async with reading() as conn:
                rows = await caps.page(conn, source, cap[1], after, caps.PAGE)
            if rows:
                after = rows[-1]
                yield _by_student(rows), _written_mark(after) if is_last else ""
            if len(rows) < caps.PAGE:
                break


def _by_student(rows: Iterable[UsedSlot]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for student, slot in rows:
        found[student].append(slot)
    return found


def _written_mark(reached: UsedSlot) -> str:
    return f"{reached.student}|{reached.slot}"  # no name has this letter


def _read_mark(text: str) -> UsedSlot:
    student, _, slot = text.partition("|")
    return UsedSlot(student, int(slot or 0))
