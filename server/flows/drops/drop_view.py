"""A drop with its live counts, as its teacher sees it.

Called by the API (polled) and after every change of a drop. The desk knows who has claimed, the
ledger what is confirmed, used and paid, the feed who is there. Where Redis is away the ledger's
view is shown: late by what is not confirmed, but there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.core.drops.claims import Audience, ClaimState
from server.core.drops.drops import CloseReason, DropState, state_at
from server.core.drops.stock import Stock
from server.core.promotions.claim_conditions import ClaimConditions
from server.core.promotions.template_parts import discount_to_json
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.drop_state import DeskCounts
from server.flows.drops.drop_snapshot import DropSnapshot
from server.flows.stores import Stores
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drop_results import DropClaim, DropResults
from server.ledger.drops.drops import DropRow
from server.ledger.promotions import batches
from server.ledger.promotions.batches import Offer


@dataclass(frozen=True, slots=True)
class DropView:
    """The contract's fields. quantity = remaining + claimed + returned, always, and quantity = free +
    held + redeemed + returned + difference: `free` is the desk's (as `remaining`), `held` and
    `redeemed` the ledger's. `claimed` and `confirmed` fall when a unit comes back, their totals do
    not. `gmv` and `discount_total` in minor units of `currency` (ledger.drop_results says what they
    count). `difference`: units the desk has sold and the ledger has no coupon of: claims on their
    way, or, once the outbox is empty, an error; without them where the desk does not know the drop.
    `settled_difference`: units about which the two disagreed when a worker last compared them with
    nothing on its way; None: not yet, or closed. `revoked`: wins taken back with an apology. `opens_at`,
    `closes_at`: None until it is opened.
    """

    id: str
    room: str
    batch_id: str
    name: str
    currency: str
    discount: Mapping[str, object]
    state: DropState
    mode: str
    message: str
    quantity: int
    remaining: int
    duration_seconds: int
    opens_in_seconds: int
    audience: Audience
    conditions: ClaimConditions
    opens_at: int | None
    closes_at: int | None
    closed_at: int | None
    close_reason: CloseReason | None
    reached: int
    claimed: int
    claimed_total: int
    confirmed: int
    confirmed_total: int
    redeemed: int
    redeemed_total: int
    free: int
    held: int
    released: int
    returned: int
    revoked: int
    present: int
    present_at_open: int | None
    gmv: int
    discount_total: int
    difference: int
    settled_difference: int | None
    metadata: Mapping[str, str]
    created_by: str
    created_at: int


@dataclass(frozen=True, slots=True)
class _Live:
    """What Redis says of a drop."""

    counts: DeskCounts | None = None
    present: int = 0
    reached: int = 0
    settled_difference: int | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """What the ledger says of a drop."""

    row: DropRow
    offer: Offer
    results: DropResults


async def show_drop(stores: Stores, drop_id: str, room: str, now: int) -> DropView | Refused:
    """`now` counts only where the desk, whose clock it is, does not answer."""
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None or row.room != room:
            return Refused(Code.NOT_FOUND)
        offers = await batches.offers_of(conn, [row.batch_id])
        results = await drop_results.of_drops(conn, [drop_id])
    live = await _live_of(stores, [row])
    return _view(_Written(row, offers[row.batch_id], results[drop_id]), live[0], now)


async def show_opened(stores: Stores, opened: DropSnapshot, now: int) -> DropView:
    """A drop whose opening was driven just now: what it offers is known, and nothing of it can be confirmed
    that its teacher has to hear of with this answer. What is asked now is asked while the card goes out."""
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, opened.row.id) or opened.row
    template = opened.template
    discount = discount_to_json(template.discount)
    offer = Offer(template.form.name, template.currency, discount, opened.batch.conditions)
    live = await _live_of(stores, [row])
    return _view(_Written(row, offer, DropResults()), live[0], now)


async def show_room(
    stores: Stores, room: str, limit: int, after: str | None, now: int
) -> list[DropView]:
    """Newest first, from behind the drop `after`."""
    async with stores.ledger.read() as conn:
        rows = await drops.page_of_room(conn, room, limit, after)
        offers = await batches.offers_of(conn, {row.batch_id for row in rows})
        results = await drop_results.of_drops(conn, [row.id for row in rows])
    live = await _live_of(stores, rows)
    written = [_Written(row, offers[row.batch_id], results[row.id]) for row in rows]
    return [_view(one, seen, now) for one, seen in zip(written, live, strict=True)]


async def claims_of_drop(
    stores: Stores, drop_id: str, room: str, student: str | None, limit: int, after: str | None
) -> list[DropClaim] | Refused:
    """Confirmed claims, newest win first. For one student also the claim that is won and not yet
    confirmed; the list of all shows it a moment later.
    """
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None or row.room != room:
            return Refused(Code.NOT_FOUND)
        found = await drop_results.claims_of(conn, drop_id, student, limit, after)
    if student is None or after is not None:
        return found
    return [*await _pending_of(stores, row, student, found), *found]


async def _pending_of(
    stores: Stores, row: DropRow, student: str, found: Sequence[DropClaim]
) -> list[DropClaim]:
    try:
        held = (await stores.desk.claims_of([(row.shard, row.id, [student])]))[0][0]
    except DeskUnavailableError:
        return []
    if held is None or any(claim.id == held.claim_id for claim in found):
        return []
    return [DropClaim(held.claim_id, student, ClaimState.WON, held.won_at, None)]


async def _live_of(stores: Stores, rows: Sequence[DropRow]) -> list[_Live]:
    """Three calls to Redis, however many drops of one room."""
    if not rows:
        return []
    try:
        counts, boards, audience = await asyncio.gather(
            stores.desk.counts_of_many([(row.shard, row.id) for row in rows]),
            stores.feed.read_live_counts([(row.room, row.id) for row in rows]),
            stores.feed.audience_counts(rows[0].room, rows[0].id),
        )
    except DeskUnavailableError:
        return [_Live()] * len(rows)
    return [
        _Live(count, audience.present, board["reached"], board.get("settled_difference"))
        for count, board in zip(counts, boards, strict=True)
    ]


def _view(written: _Written, live: _Live, now: int) -> DropView:
    row, results, counts = written.row, written.results, live.counts
    # A closed drop has given back what it had left: what the desk lists as free is not, and what has
    # come back since may still be listed as taken.
    units = row.quantity - row.returned
    is_closed = row.state is DropState.CLOSED
    claimed = units if is_closed else counts.claimed if counts else results.confirmed
    remaining = max(0, units - claimed)
    stock = Stock(row.quantity, remaining, results.held, results.redeemed, row.returned)
    return DropView(
        id=row.id,
        room=row.room,
        batch_id=row.batch_id,
        name=written.offer.name,
        currency=written.offer.currency,
        discount=written.offer.discount,
        state=_state(row, counts, remaining, now),
        mode=row.mode,
        message=row.message,
        quantity=row.quantity,
        remaining=remaining,
        duration_seconds=row.duration_seconds,
        opens_in_seconds=row.opens_in_seconds,
        audience=row.audience,
        conditions=written.offer.conditions,
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        reached=live.reached,
        claimed=claimed,
        claimed_total=counts.claimed_total if counts else results.confirmed_total,
        confirmed=results.confirmed,
        confirmed_total=results.confirmed_total,
        redeemed=results.redeemed,
        redeemed_total=results.redeemed_total,
        free=stock.free,
        held=stock.held,
        released=results.released,
        returned=row.returned,
        revoked=results.revoked,
        present=live.present,
        present_at_open=row.present_at_open,
        gmv=results.gmv,
        discount_total=results.discount_total,
        difference=stock.difference,
        settled_difference=None if is_closed else live.settled_difference,
        metadata=row.metadata,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _state(row: DropRow, counts: DeskCounts | None, remaining: int, now: int) -> DropState:
    """`opening` is nobody's business: it is scheduled until the desk has stamped its window."""
    if row.state in (DropState.PREPARED, DropState.CLOSED):
        return row.state
    if counts is not None:
        return DropState.SCHEDULED if counts.state is DropState.OPENING else counts.state
    if row.window is None:
        return DropState.SCHEDULED
    return state_at(now, row.window.opens_at, row.window.closes_at, remaining)
