"""Looks up where the coupons of events came from, for reports.

Called by flows/reports/roll_up.py: a query for each kind of thing that a page of events names.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.quoting.discounts import greatest_discount
from server.core.checkout.redemptions import RedemptionState
from server.core.coupons.claim_sources import link_of
from server.core.promotions.campaigns import Campaign
from server.core.reports.measures import Origin
from server.ledger.bulk import is_among
from server.ledger.promotions import campaigns, templates
from server.ledger.tables import batches, coupons, drops, redemptions


class Placed(NamedTuple):
    """The batch and the drop that a coupon is of."""

    batch_id: str
    drop_id: str | None


class Origins:
    """The things that a page of events names: its batches, their templates and campaigns, and its drops."""

    def __init__(
        self,
        known: Mapping[str, Origin],
        running: Mapping[str, Campaign],
        places: Mapping[str, tuple[str, str]],
    ) -> None:
        """`known`: by batch. `running`: campaigns by id. `places`: room and teacher by drop."""
        self._known = known
        self._running = running
        self._places = places

    def at(self, placed: Placed, at: int) -> Origin:
        """Return the origin of a coupon, in the phase of its campaign at `at` (ms)."""
        origin = self._known[placed.batch_id]
        room, teacher = self._places.get(placed.drop_id or "", (None, None))
        in_class = room is not None and link_of(room) is None
        running = self._running.get(origin.campaign or "")
        phase = None if running is None else running.phase_at(at)
        return Origin(
            origin.batch,
            origin.channel,
            origin.currency,
            room if in_class else None,
            teacher,
            origin.campaign,
            None if phase is None else f"{origin.campaign}/{phase.name}",
            origin.greatest,
        )


async def find(conn: AsyncConnection, placed: Collection[Placed]) -> Origins:
    """Look up these batches and drops."""
    ids = {one.batch_id for one in placed}
    query = select(
        batches.c.id,
        batches.c.channel,
        batches.c.campaign_id,
        batches.c.template_id,
        batches.c.template_version,
    ).where(is_among(conn, batches.c.id, ids))
    rows = (await conn.execute(query)).all()
    found = await templates.find_all(conn, {(row[3], row[4]) for row in rows})
    known = {}
    for batch_id, channel, campaign, *version in rows:
        template = found[tuple(version)]
        greatest = greatest_discount(template.discount)
        known[batch_id] = Origin(
            batch_id, channel, template.currency, campaign=campaign, greatest=greatest
        )
    running = {}
    for campaign in {one.campaign for one in known.values() if one.campaign is not None}:
        one = await campaigns.find(conn, campaign)
        if one is not None:
            running[campaign] = one
    dropped = {one.drop_id for one in placed if one.drop_id is not None}
    places = select(drops.c.id, drops.c.room, drops.c.created_by)
    found_drops = await conn.execute(places.where(is_among(conn, drops.c.id, dropped)))
    return Origins(known, running, {row[0]: (row[1], row[2]) for row in found_drops})


async def of_coupons(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Placed]:
    """Return the batch and the drop of each of these coupons."""
    query = select(coupons.c.id, coupons.c.batch_id, coupons.c.drop_id)
    rows = await conn.execute(query.where(is_among(conn, coupons.c.id, ids)))
    return {row[0]: Placed(row[1], row[2]) for row in rows}


async def expired_before(conn: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Return those of these coupons of which it was told that their window had ended."""
    query = select(coupons.c.id).where(
        is_among(conn, coupons.c.id, ids), coupons.c.expiry_told_at.is_not(None)
    )
    return set(await conn.scalars(query))


async def present_at_open(conn: AsyncConnection, drop_ids: Collection[str]) -> dict[str, int]:
    """Return how many students were in the room of each of these drops when it opened."""
    query = select(drops.c.id, drops.c.present_at_open).where(
        is_among(conn, drops.c.id, drop_ids), drops.c.present_at_open.is_not(None)
    )
    return {row[0]: int(row[1]) for row in await conn.execute(query)}


async def order_before(
    conn: AsyncConnection, student: str, paid_at: int, redemption_id: str
) -> tuple[str, int] | None:
    """Return (id, paid_at) of the order that the student paid last before this one."""
    query = (
        select(redemptions.c.id, redemptions.c.paid_at)
        .where(
            redemptions.c.student == student,
            redemptions.c.state == RedemptionState.REDEEMED.value,
            redemptions.c.id != redemption_id,
            redemptions.c.paid_at <= paid_at,
        )
        .order_by(redemptions.c.paid_at.desc(), redemptions.c.id.desc())
        .limit(1)
    )
    found = (await conn.execute(query)).first()
    return None if found is None else (found[0], int(found[1]))
