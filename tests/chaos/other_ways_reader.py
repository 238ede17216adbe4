"""Reads what the ledger has of draws, links and offers, for `state_reader.py`."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.tables import claims, coupons, draw_entries, draws, drops, links, offers
from tests.chaos.final_state import OfferEnd

Names = tuple[str, ...]


async def unfinished_draws(conn: AsyncConnection) -> Names:
    """Return the draws that were opened and are neither drawn nor aborted."""
    query = (
        select(draws.c.drop_id)
        .join(drops, drops.c.id == draws.c.drop_id)
        .where(draws.c.drawn_at.is_(None), draws.c.aborted_at.is_(None))
        .where(drops.c.opens_at.is_not(None))
    )
    return tuple(await conn.scalars(query))


async def drawn_of(conn: AsyncConnection) -> list[tuple[str, Names, Names]]:
    """Return each draw that was opened, with its entrants in order and those who have a seat."""
    query = select(draws.c.drop_id).join(drops, drops.c.id == draws.c.drop_id)
    found = list(await conn.scalars(query.where(drops.c.opens_at.is_not(None))))
    return [(one, await _entrants(conn, one), await _seated(conn, one)) for one in found]


async def _entrants(conn: AsyncConnection, drop_id: str) -> Names:
    e = draw_entries.c
    query = select(e.student).where(e.drop_id == drop_id).order_by(e.number)
    return tuple(await conn.scalars(query))


async def _seated(conn: AsyncConnection, drop_id: str) -> Names:
    c = claims.c
    query = select(c.student).where(c.drop_id == drop_id, c.state == "live").order_by(c.unit)
    return tuple(await conn.scalars(query))


async def units_of_links(conn: AsyncConnection) -> Mapping[str, int]:
    query = select(drops.c.id, drops.c.quantity).join(links, links.c.drop_id == drops.c.id)
    return {drop_id: quantity for drop_id, quantity in await conn.execute(query)}


async def ended_offers(conn: AsyncConnection) -> tuple[OfferEnd, ...]:
    o = offers.c
    query = select(o.id, o.batch_id, o.student, o.state, coupons.c.state).outerjoin(
        coupons, coupons.c.id == o.coupon_id
    )
    return tuple(OfferEnd(*row) for row in await conn.execute(query))
