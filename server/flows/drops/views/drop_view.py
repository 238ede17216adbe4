"""Read a drop with its live counts, as its teacher sees it.

Called by the API, which teachers' pages poll, and after every change of a drop. The desk knows what is
claimed, the ledger what is confirmed, used and paid, the feed who is present. Where Redis is unavailable the
ledger's numbers are returned alone: they lack the claims that are not confirmed yet.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract_json import discount_to_json
from server.core.drops.claims import Audience, ClaimState
from server.core.drops.draw_cards import DrawCard
from server.core.drops.drop_ends import DropEnd
from server.core.drops.drops import CloseReason, DropState, state_at
from server.core.drops.receipts import Seal
from server.core.drops.stock import Stock
from server.core.drops.tasks import Task
from server.core.ids import StudentId
from server.core.promotions.claim_conditions import ClaimConditions
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.drops.drop_state import DeskCounts
from server.flows.drops.views.drop_snapshot import DropSnapshot
from server.flows.stores import Stores
from server.ledger.drops import drop_results, drops
from server.ledger.drops.cues import DropCue
from server.ledger.drops.drop_results import DropClaim, DropResults
from server.ledger.drops.drop_row import DropRow
from server.ledger.drops.view_facts import read_view_facts
from server.ledger.promotions.batches import BatchSummary


@dataclass(frozen=True, slots=True)
class DropView:
    """A drop with the fields that the API promises. Instants in ms, durations in seconds.

    Two equations hold at any moment: quantity = remaining + claimed + returned, and quantity = free + held +
    redeemed + returned + difference. `free` (like `remaining`) comes from the desk, `held` and `redeemed`
    from the ledger.

    - `claimed` and `confirmed` fall when a unit comes back; `…_total` never fall.
    - `difference`: units that the desk has sold and for which the ledger has no coupon. They are claims in
      the outbox, or, when the outbox is empty, an error. Zero where the desk does not know the drop.
    - `settled_difference`: units on which desk and ledger disagreed when a worker last compared them with an
      empty outbox. None before the first comparison, and for a closed drop.
    - `revoked`: wins that were taken back with an apology.
    - `gmv` and `discount_total`: in minor units of `currency`; ledger/drops/drop_results.py says what counts.
    - `opens_at` and `closes_at`: None until the drop is opened.
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
    task: Task | None
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
    end: DropEnd
    openings: int
    rehearsal: bool
    show_winners: bool
    cue: DropCue | None
    draw: DrawCard | None = None
    entries: int | None = None
    seal: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class _LivePart:
    """The part of a view that Redis knows; the defaults where it is unavailable."""

    counts: DeskCounts | None = None
    present: int = 0
    reached: int = 0
    settled_difference: int | None = None


@dataclass(frozen=True, slots=True)
class _LedgerPart:
    """The part of a view that the ledger knows."""

    row: DropRow
    offer: BatchSummary
    results: DropResults
    cue: DropCue | None = None
    seal: Seal | None = None


async def show_drop(stores: Stores, drop_id: str, room: str, now: int) -> DropView | Refused:
    """Return the drop; not_found also for another room's. `now` decides the state only where the desk, whose
    clock opens and closes drops, does not answer.
    """
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None or row.room != room:
            return Refused(Code.NOT_FOUND)
        in_ledger = await _read_ledger(conn, [row])
    return (await _views(stores, in_ledger, now))[0]


def show_opened(snapshot: DropSnapshot, opened: DropRow) -> DropView:
    """Return a drop as it was at the moment of its opening: nothing is read, nobody has claimed yet.
    `snapshot` knows what it offers.
    """
    template = snapshot.template
    discount = discount_to_json(template.discount)
    conditions = snapshot.batch.conditions
    offer = BatchSummary(template.form.name, template.currency, discount, conditions)
    live = _LivePart(present=opened.present_at_open or 0)
    at = (opened.opens_at or 0) - opened.opens_in_seconds * 1000  # by the clock of the desk
    return _view(_LedgerPart(opened, offer, DropResults()), live, at)


@dataclass(frozen=True, slots=True)
class DropPage:
    """A page of a room's drops, from behind the drop `after`. `is_closed`: only those that are closed, or
    only those that are not."""

    limit: int
    after: str | None = None
    is_closed: bool | None = None


async def show_room(stores: Stores, room: str, page: DropPage, now: int) -> list[DropView]:
    """Return a page of the room's drops, newest first."""
    async with stores.ledger.read() as conn:
        rows = await drops.page_of_room(conn, room, page.limit, page.after, page.is_closed)
        in_ledger = await _read_ledger(conn, rows)
    return await _views(stores, in_ledger, now)


async def show_running(
    stores: Stores, rooms: Collection[str] | None, limit: int, after: str | None, now: int
) -> list[DropView]:
    """Return the drops that are opening or open in these rooms (None: in all), newest first, from behind the
    drop `after`.
    """
    async with stores.ledger.read() as conn:
        rows = await drops.page_of_running(conn, rooms, limit, after)
        in_ledger = await _read_ledger(conn, rows)
    return await _views(stores, in_ledger, now)


async def _read_ledger(conn: AsyncConnection, rows: Sequence[DropRow]) -> list[_LedgerPart]:
    offers, cues, seals, results = await read_view_facts(conn, rows)
    return [
        _LedgerPart(
            *(row, offers[row.batch_id], results[row.id], cues.get(row.id), seals.get(row.id))
        )
        for row in rows
    ]


async def _views(stores: Stores, in_ledger: Sequence[_LedgerPart], now: int) -> list[DropView]:
    live = await _read_live(stores, [one.row for one in in_ledger])
    return [_view(one, part, now) for one, part in zip(in_ledger, live, strict=True)]


async def claims_of_drop(
    stores: Stores, drop_id: str, room: str, student: str | None, limit: int, after: str | None
) -> list[DropClaim] | Refused:
    """Return confirmed claims, newest win first. For one student the claim that is won and not yet confirmed
    comes first; the list of all students has it a moment later, when it is confirmed.
    """
    async with stores.ledger.read() as conn:
        row = await drops.find(conn, drop_id)
        if row is None or row.room != room:
            return Refused(Code.NOT_FOUND)
        found = await drop_results.claims_of(conn, drop_id, student, limit, after)
    if student is None or after is not None:
        return found
    return [*await _unconfirmed_claims(stores, row, student, found), *found]


async def _unconfirmed_claims(
    stores: Stores, row: DropRow, student: str, found: Sequence[DropClaim]
) -> list[DropClaim]:
    try:
        on_desk = (await stores.desk.claims_of([(row.shard, row.id, [student])]))[0][0]
    except DeskUnavailableError:
        return []
    if on_desk is None or any(claim.id == on_desk.claim_id for claim in found):
        return []
    return [DropClaim(on_desk.claim_id, StudentId(student), ClaimState.WON, on_desk.won_at, None)]


async def _read_live(stores: Stores, rows: Sequence[DropRow]) -> list[_LivePart]:
    """Return the live part of each of these drops. Makes three calls to Redis, whatever their number."""
    if not rows:
        return []
    rooms = list(dict.fromkeys(row.room for row in rows))
    try:
        counts, boards, present = await asyncio.gather(
            stores.desk.counts_of_many([(row.shard, row.id) for row in rows]),
            stores.feed.read_live_counts([(row.room, row.id) for row in rows]),
            stores.feed.present_in(rooms),
        )
    except DeskUnavailableError:
        return [_LivePart()] * len(rows)
    students = dict(zip(rooms, present, strict=True))
    return [
        _LivePart(count, students[row.room], board["reached"], board.get("settled_difference"))
        for row, count, board in zip(rows, counts, boards, strict=True)
    ]


def _view(in_ledger: _LedgerPart, live: _LivePart, now: int) -> DropView:
    row, counts = in_ledger.row, live.counts
    results = _results(in_ledger, counts)
    # The desk's count is wrong for a closed drop: it lists as free what went back to the batch, and as taken
    # what came back after the close. There every unit that was not returned counts as claimed.
    units = row.quantity - row.returned
    is_closed = row.state is DropState.CLOSED
    claimed = units if is_closed else counts.claimed if counts else results.confirmed
    remaining = max(0, units - claimed)
    stock = Stock(row.quantity, remaining, results.held, results.redeemed, row.returned)
    return DropView(
        id=row.id,
        room=row.room,
        batch_id=row.batch_id,
        name=in_ledger.offer.name,
        currency=in_ledger.offer.currency,
        discount=in_ledger.offer.discount,
        state=_state(row, counts, remaining, now),
        mode=row.mode,
        message=row.message,
        quantity=row.quantity,
        remaining=remaining,
        duration_seconds=row.duration_seconds,
        opens_in_seconds=row.opens_in_seconds,
        audience=row.audience,
        conditions=in_ledger.offer.conditions,
        task=row.task,
        opens_at=row.opens_at,
        closes_at=row.window.told_end if row.window is not None else None,
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
        end=row.end,
        openings=row.openings,
        rehearsal=row.rehearsal,
        show_winners=row.show_winners,
        cue=in_ledger.cue,
        draw=row.draw.card if row.draw is not None else None,
        entries=_entries(row, counts),
        seal=in_ledger.seal.public if is_closed and in_ledger.seal is not None else None,
    )


def _results(in_ledger: _LedgerPart, counts: DeskCounts | None) -> DropResults:
    """Return the ledger's results. It has none of a rehearsal: there the desk's counts stand for them."""
    row = in_ledger.row
    if not row.rehearsal or counts is None:
        return in_ledger.results
    held = row.in_drop if row.state is DropState.CLOSED else counts.claimed
    return replace(
        in_ledger.results,
        confirmed=counts.confirmed,
        confirmed_total=counts.confirmed,
        held=held,
    )


def _entries(row: DropRow, counts: DeskCounts | None) -> int | None:
    """Return how many entered a draw: as sealed, before that as the desk counts them."""
    if row.draw is None or row.draw.entries is not None:
        return row.draw.entries if row.draw is not None else None
    return counts.entered if counts is not None else 0


def _state_of_draw(row: DropRow, counts: DeskCounts | None, now: int) -> DropState:
    """Return the state of a draw that is not closed: it takes entries however few units it has."""
    window = row.window or (counts.window if counts is not None else None)
    if window is None:
        return DropState.SCHEDULED
    at = counts.now if counts is not None else now
    state = state_at(at, window.opens_at, window.closes_at, 1)
    is_over = row.is_drawing or state is DropState.CLOSED
    if counts is not None:
        is_over = is_over or counts.closed_at is not None
    return DropState.DRAWING if is_over else state


def _state(row: DropRow, counts: DeskCounts | None, remaining: int, now: int) -> DropState:
    """Return the public state. `opening` is internal: until the desk has stamped the window the drop is
    `scheduled`.
    """
    if row.close_reason is CloseReason.ABORTED:
        return DropState.ABORTED
    if row.state in (DropState.PREPARED, DropState.CLOSED):
        return row.state
    if row.draw is not None:
        return _state_of_draw(row, counts, now)
    if counts is not None:
        return DropState.SCHEDULED if counts.state is DropState.OPENING else counts.state
    if row.window is None:
        return DropState.SCHEDULED
    return state_at(now, row.window.opens_at, row.window.closes_at, remaining)
