"""Read links with their counts, as operators see them, and the card of a link, as visitors do.

Called by the API. The desk knows what is claimed, the ledger what is confirmed and used, the feed who has had
the page on the screen. Where Redis is unavailable the ledger's numbers are returned alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.core.coupons.claim_sources import link_room
from server.core.drops.claims import Audience
from server.core.drops.drops import DropState, RoomDrop, Window
from server.core.drops.tasks import Task
from server.core.links.links import Link, LinkState, end_reason, state_of
from server.core.refusals import Code, Refused
from server.desk import DeskUnavailableError
from server.desk.drops.drop_state import DeskCounts
from server.flows.drops.views.room_drops import room_drop
from server.flows.links.drop_cards import desk_counts, remaining_of, state_in
from server.flows.stores import Stores, batch_and_template
from server.ledger.drops import drop_results, drops
from server.ledger.drops.drop_results import DropResults
from server.ledger.drops.drop_row import DropRow
from server.ledger.links import links as rows
from server.ledger.promotions import batches


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link with its counts. quantity = remaining + claimed + returned. `reason`: why it ended."""

    link: Link
    state: LinkState
    task: Task | None
    quantity: int
    remaining: int
    opened: int
    claimed: int
    claimed_total: int
    confirmed: int
    used: int
    returned: int
    reason: str | None

    @property
    def id(self) -> str:
        """The cursor of a page."""
        return self.link.id


@dataclass(frozen=True, slots=True)
class LinkCard:
    """The part of a link that a visitor sees, and what a claim of it needs.

    `drop` has the window that the link promises; while the link is paused the desk has another one.
    """

    link: Link
    state: LinkState
    reason: str | None
    drop: RoomDrop
    drop_state: DropState
    remaining: int

    @property
    def audience(self) -> Audience:
        """The conditions of the batch; a link has none of its own."""
        return self.drop.audience


async def show_link(stores: Stores, id_or_slug: str) -> LinkView | Refused:
    """Return the link; not_found."""
    async with stores.ledger.read() as conn:
        link = await rows.find(conn, id_or_slug)
    if link is None:
        return Refused(Code.NOT_FOUND)
    return (await _views(stores, [link]))[0]


async def list_links(
    stores: Stores, batch_id: str, limit: int, after: str | None
) -> list[LinkView] | Refused:
    """Return a page of the batch's links, newest first, from behind the link `after`; not_found."""
    async with stores.ledger.read() as conn:
        if await batches.find(conn, batch_id) is None:
            return Refused(Code.NOT_FOUND)
        found = await rows.page_of_batch(conn, batch_id, limit, after)
    return await _views(stores, found)


async def read_card(stores: Stores, id_or_slug: str, now: int) -> LinkCard | None:
    """Return the card of the link; None where there is none, or while it is being opened."""
    async with stores.ledger.read() as conn:
        link = await rows.find(conn, id_or_slug)
        row = await drops.find(conn, link.drop_id) if link is not None else None
        if link is None or row is None or row.window is None:
            return None
        batch, template = await batch_and_template(conn, row.batch_id)
        results = await drop_results.of_drops(conn, [row.id])
    counts = (await desk_counts(stores, [row]))[0]
    remaining = remaining_of(row, counts, results[row.id])
    promised = Window(link.opens_at, link.closes_at)
    drop = replace(room_drop(row, template, batch), window=promised)
    return LinkCard(
        link=link,
        state=state_of(link, row.state, remaining),
        reason=end_reason(row.close_reason),
        drop=drop,
        drop_state=state_in(promised, row, remaining, now),
        remaining=remaining,
    )


async def keep_opened(stores: Stores, now: int) -> None:
    """Write the number of visitors of each link that is open, or ended lately, into the ledger.

    Called by a worker. The number in Redis ends with the link; this one stays.
    """
    async with stores.ledger.read() as conn:
        watched = await rows.watched(conn, now - _KEPT_AFTER_END_MS, _AT_MOST)
    opened = await stores.feed.opened_counts([link_room(link.id) for link in watched])
    grown = [
        (link.id, count) for link, count in zip(watched, opened, strict=True) if count > link.opened
    ]
    if grown:
        async with stores.ledger.begin() as conn:
            await rows.write_opened(conn, grown)


_KEPT_AFTER_END_MS = 24 * 3600 * 1000
_AT_MOST = 1_000  # links, the newest first: bounds the work of one call


async def _views(stores: Stores, found: Sequence[Link]) -> list[LinkView]:
    if not found:
        return []
    ids = [link.drop_id for link in found]
    async with stores.ledger.read() as conn:
        of = {row.id: row for row in await drops.find_all(conn, ids)}
        results = await drop_results.of_drops(conn, ids)
    of_links = [of[link.drop_id] for link in found]
    counts = await desk_counts(stores, of_links)
    opened = await _opened(stores, found)
    return [
        _view(link, row, results[row.id], count, seen)
        for link, row, count, seen in zip(found, of_links, counts, opened, strict=True)
    ]


def _view(
    link: Link, row: DropRow, results: DropResults, counts: DeskCounts | None, opened: int
) -> LinkView:
    remaining = remaining_of(row, counts, results)
    return LinkView(
        link=link,
        state=state_of(link, row.state, remaining),
        task=row.task,
        quantity=row.quantity,
        remaining=remaining,
        opened=max(link.opened, opened),
        claimed=row.quantity - row.returned - remaining,
        claimed_total=counts.claimed_total if counts else results.confirmed_total,
        confirmed=results.confirmed,
        used=results.redeemed_total,
        returned=row.returned,
        reason=end_reason(row.close_reason),
    )


async def _opened(stores: Stores, found: Sequence[Link]) -> list[int]:
    try:
        return await stores.feed.opened_counts([link_room(link.id) for link in found])
    except DeskUnavailableError:
        return [link.opened for link in found]
