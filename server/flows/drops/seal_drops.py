"""Seal closed drops: fix their claims in a Merkle tree, write its root, and tell the room and the school.

Called by a worker twice a second. A drop is sealed as soon as the ledger has every win that the desk knows of
it; wins that cannot be written (dead letters) are waited for no longer than GIVE_UP_MS. One transaction takes
the drop off those that wait and writes the seal and its event: any number of workers may run this, and each
close is sealed once. A drop that is opened again before its seal is sealed at its next close. Rehearsals are
never asked for (end_drop.py). The room is told after the commit and only once; whoever missed it finds the
seal in the receipt and in the event.
"""

import asyncio
import secrets
from dataclasses import replace

from server.core import merkle
from server.core.drops import drop_events, receipts
from server.core.drops.drops import DropState
from server.core.drops.receipts import Seal, SealableClaim
from server.flows.drops.views.drop_snapshot import DropSnapshot, read_drop_snapshot
from server.flows.stores import Stores
from server.ledger import event_log
from server.ledger.drops import drops, seals
from server.ledger.drops.drop_row import DropRow
from server.ledger.drops.seals import StoredSeal

GIVE_UP_MS = 10 * 60_000
_AT_ONCE = 20  # drops in one page
_PAGES = 25  # in one call: drops that wait for a win of theirs hold up none of the 480 behind them


async def seal_drops(stores: Stores, now: int) -> int:
    """Seal the drops that wait and whose claims are all in the ledger; return how many.

    LedgerUnavailableError and DeskUnavailableError are passed on.
    """
    sealed, after = 0, (0, "")
    for _ in range(_PAGES):
        async with stores.ledger.read() as conn:
            waiting = await seals.due(conn, after, _AT_ONCE)
        for since, drop_id in waiting:
            sealed += await _seal_if_complete(stores, drop_id, since, now)
        if len(waiting) < _AT_ONCE:
            break
        after = waiting[-1]
    return sealed


async def _seal_if_complete(stores: Stores, drop_id: str, since: int, now: int) -> bool:
    snapshot = await read_drop_snapshot(stores.ledger, drop_id)
    if snapshot.row.state is not DropState.CLOSED:
        return False
    if now - since < GIVE_UP_MS and not await _is_complete(stores, snapshot):
        return False
    return await _seal(stores, snapshot, now)


async def _is_complete(stores: Stores, snapshot: DropSnapshot) -> bool:
    """Return whether the ledger has every win of the drop; a desk that has forgotten the drop has none."""
    counts = await stores.desk.counts(snapshot.row.shard, snapshot.row.id)
    async with stores.ledger.read() as conn:
        return (
            counts is None
            or await seals.count_claims(conn, snapshot.row.id) >= counts.claimed_total
        )


async def _seal(stores: Stores, snapshot: DropSnapshot, now: int) -> bool:
    """Write the seal. A claim that is released after it was read here counts as released after the seal."""
    row = snapshot.row
    async with stores.ledger.read() as conn:
        found = await seals.claims_to_seal(conn, row.id)
        number = await seals.last_number(conn, row.id)
        previous = await seals.hash_of(conn, row.id, number) if number is not None else None
    stored = await asyncio.to_thread(_make, row, found, previous, now)
    async with stores.ledger.begin() as conn:
        current = await drops.find_for_update(conn, row.id)
        if current is None or (current.state, current.openings) != (row.state, row.openings):
            return False  # opened again meanwhile: what was read may have claims of after the close
        if not await seals.take_due(conn, row.id):
            return False
        await seals.write(conn, stored)
        await event_log.record(conn, [drop_events.sealed(row.told, stored.seal.public, now)])
    await _tell_room(stores, snapshot, stored.seal)
    return True


def _make(row: DropRow, found: list[SealableClaim], previous: str | None, now: int) -> StoredSeal:
    key = secrets.token_bytes(32)
    claims, came_back = receipts.in_order(found)
    leaves = receipts.leaves_of(row.id, key, claims)
    seal = receipts.seal(
        drop_id=row.id,
        root=merkle.root(leaves),
        count=len(leaves),
        stock=row.quantity,
        came_back=came_back,
        given_again=sum(one.turn > 1 for one in claims),
        closed_at=row.closed_at or now,
        sealed_at=now,
        previous=previous,
    )
    told = [(one.claim_id, one.turn) for one in claims]
    return StoredSeal(seal, key, b"".join(leaves), told)


async def _tell_room(stores: Stores, snapshot: DropSnapshot, seal: Seal) -> None:
    if snapshot.row.window is None:
        return
    shown = replace(snapshot.to_room_drop(snapshot.row), seal=seal.public)
    await stores.feed.publish_seal(f"{shown.id}:sealed:{seal.seal}", shown)
