"""Seat the winners of a draw: give the units to the entries, in the order of the draw.

Called by drive_draws.py, and by refill_draws.py when units came back. Who cannot take one passes it on to the
next: all slots used by now, blocked, erased, or another account of a person who has one. The desk decides, by
the same caps as for taps, and writes the wins to the outbox.
"""

from collections.abc import Sequence
from typing import Final

from server.core.ids import StudentId
from server.core.students.erasure import is_pseudonym
from server.desk import DeskReplacedError
from server.desk.claims.caps import CapsMissing
from server.desk.drops.draw_desk import SEATS_AT_ONCE, Seated
from server.flows.access.blocked import blocked_accounts
from server.flows.coupons.load_caps import load_missing_caps
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.promotions.stops import claims_refusal
from server.flows.stores import Stores
from server.ledger.draws import entries

_TRIES: Final = 3  # a rebuild may replace the desk between two calls


async def seat_winners(
    stores: Stores, snapshot: DropSnapshot, order: Sequence[int], now: int
) -> bool:
    """Give out all units of the draw, as far as the entries go. Repeatable.

    Units that went back to the batch when nobody could take them are the draw's no more: who was passed over
    then, and could take one now, gets only what came back since.

    False: claims of the batch are stopped, and the winners wait. DeskUnavailableError: call it again.
    """
    draw = snapshot.row.draw
    assert draw is not None
    async with stores.ledger.read() as conn:
        if await claims_refusal(conn, snapshot.batch) is not None:
            return False
        entered = await entries.entrants(conn, snapshot.row.id)
    units = min(draw.units or 0, snapshot.row.in_drop)
    for start in range(0, len(order), SEATS_AT_ONCE):
        piece = [entered[index] for index in order[start : start + SEATS_AT_ONCE]]
        async with stores.ledger.read() as conn:
            blocked = await blocked_accounts(conn, piece, now)
        students = [one.student for one in piece]
        able = [one for one in students if one not in blocked and not is_pseudonym(one)]
        seated = await _seat(stores, snapshot, units, able)
        if seated is None or seated.looked_at < len(able) or seated.live >= units:
            break
    return True


async def _seat(
    stores: Stores, snapshot: DropSnapshot, units: int, students: Sequence[StudentId]
) -> Seated | None:
    row, batch = snapshot.row, snapshot.batch
    limited = batch.campaign_id if batch.per_campaign is not None else None
    for _ in range(_TRIES):
        reply = await stores.desk.draws.seat(
            row.shard, row.id, row.batch_id, limited, units, students
        )
        if not isinstance(reply, CapsMissing):
            return reply
        await load_missing_caps(stores.ledger, stores.desk.caps, batch, reply)
    raise DeskReplacedError(f"the desk of {row.id} was replaced while its caps were loaded")
