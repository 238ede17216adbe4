"""Read a drop from the ledger as a rebuild loads it onto the desk.

Called by rebuild_desk.py, and by repair_shard.py, which looks before a rebuild what it would change. It knows
no Redis: it returns values.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import UNMOVED, ClaimCoupon, Standing
from server.core.drops.claims import ClaimState
from server.core.drops.drops import DropState
from server.core.ids import Unit
from server.desk.claims.claim_record import HeldClaim
from server.desk.claims.entry_record import DeskEntry
from server.desk.claims.outbox import OutboxEntry
from server.desk.shards.fence import LoadedDrop
from server.flows.coupons.load_caps import read_dead_letters
from server.flows.drops.claims.persist_claims import AT_ONCE
from server.flows.drops.views.room_drops import desk_limits
from server.flows.stores import batch_and_template
from server.frames import coupon_frames
from server.ledger.coupons import coupon_changes, coupons
from server.ledger.draws import entries
from server.ledger.drops import claims, drops
from server.ledger.drops.claims import ClaimRow
from server.ledger.drops.drop_row import DropRow


async def dead_letters_by_drop(
    conn: AsyncConnection, shard: int
) -> defaultdict[str, list[OutboxEntry]]:
    """Return the shard's dead letters by drop id, in a dict with empty lists for all other drops."""
    found: defaultdict[str, list[OutboxEntry]] = defaultdict(list)
    for letter in await read_dead_letters(conn, shard):
        found[letter.drop_id].append(letter)
    return found


async def read_drop_to_load(
    conn: AsyncConnection, row: DropRow, dead: Sequence[OutboxEntry]
) -> LoadedDrop:
    """Return a drop as a rebuild loads it. repair_shard.py calls it before a rebuild, to see what would
    change.

    `dead` are the drop's dead letters: they keep their units, see `_kept_letters`.
    """
    rows = await claims.of_drop(conn, row.id)
    batch, _ = await batch_and_template(conn, row.batch_id)
    by_claim: dict[str, ClaimCoupon] = {}
    moved: dict[str, Standing] = {}
    for start in range(0, len(rows), AT_ONCE):
        ids = [claim.id for claim in rows[start : start + AT_ONCE]]
        by_claim |= {coupon.claim_id: coupon for coupon in await coupons.by_claims(conn, ids)}
        moved |= await coupon_changes.moved_of_claims(conn, ids)
    live = [claim for claim in rows if claim.state == "live"]
    allotments = await drops.allotments_of(conn, row.id)
    # The desk has one claim for each student. Revoked claims come first, so that one that counts replaces
    # them.
    rows.sort(key=lambda claim: claim.state != "revoked")
    holders = {claim.student: _desk_claim(claim, by_claim.get(claim.id), moved) for claim in rows}
    units = {claim.unit for claim in live}
    kept = _kept_letters(row, [one for one in dead if one.student not in holders], units)
    holders |= {one.student: _won_claim(one) for one in kept}
    units |= {one.unit for one in kept}
    return LoadedDrop(
        drop_id=row.id,
        room=row.room,
        allotments=tuple(allotments),
        window=row.window,
        closed_at=row.closed_at or row.drawing_at,
        is_draw=row.draw is not None,
        entrants=await _entrants(conn, row) if row.draw is not None else (),
        holders=holders,
        live_units=frozenset(units),
        won_total=sum(claim.state != "revoked" for claim in rows) + len(kept),
        confirmed=len(live),
        has_task=row.task is not None,
        units=None if row.closed_at is not None else row.in_drop,
        # What a reopening changes comes after this, from its intent.
        openings=row.openings - (row.state is DropState.OPENING and row.openings > 1),
        window_version=row.window_version,
        **desk_limits(row, batch),
    )


async def _entrants(conn: AsyncConnection, row: DropRow) -> list[DeskEntry]:
    found: list[DeskEntry] = []
    while page := await entries.page(conn, row.id, len(found)):
        found += [
            DeskEntry(one.student, one.claim_id, one.entry, one.person, one.device) for one in page
        ]
    return found


def _kept_letters(row: DropRow, dead: Sequence[OutboxEntry], taken: set[Unit]) -> list[OutboxEntry]:
    """Return the dead letters with the units that they have on the desk.

    Their students were told `won`, so they keep that until a person has looked. A letter whose unit is taken
    by now gets a free one, as `doctor` will do, while there are any.
    """
    left = row.quantity - row.returned - len(taken)
    on_own_unit = [one for one in dead if 1 <= one.unit <= row.quantity and one.unit not in taken]
    on_own_unit = list({one.unit: one for one in on_own_unit}.values())  # one letter for each unit
    used = taken | {one.unit for one in on_own_unit}
    free = iter(Unit(n) for n in range(1, row.quantity + 1) if n not in used)
    moved = [one for one in dead if one not in on_own_unit][: max(0, left - len(on_own_unit))]
    return on_own_unit + [one._replace(unit=unit) for one, unit in zip(moved, free, strict=False)]


def _won_claim(entry: OutboxEntry) -> HeldClaim:
    return HeldClaim(
        state=ClaimState.WON,
        claim_id=entry.claim_id,
        unit=entry.unit,
        slot=entry.slot,
        request_id=entry.request_id,
        won_at=entry.won_at,
        coupon=b"",
    )


def _desk_claim(
    claim: ClaimRow, coupon: ClaimCoupon | None, moved: Mapping[str, Standing]
) -> HeldClaim:
    states = {
        "live": ClaimState.CONFIRMED,
        "released": ClaimState.RELEASED,
        "revoked": ClaimState.REVOKED,
    }
    standing = moved.get(claim.id, UNMOVED)
    fields = coupon_frames.coupon_fields(coupon, standing) if coupon is not None else None
    return HeldClaim(
        state=states[claim.state],
        claim_id=claim.id,
        unit=claim.unit,
        slot=claim.slot,
        request_id=claim.request_id,
        won_at=claim.won_at,
        coupon=orjson.dumps(fields) if fields is not None else b"",
    )
