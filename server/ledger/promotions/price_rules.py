"""Price rules as rows, and the offers and sales that they are measured by.

Called by flows/promotions/price_rules.py.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import case, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.promotions.batches import ClaimWindow
from server.core.promotions.price_rules import (
    DAY_MS,
    MAX_RULES,
    PERIOD_DAYS,
    CourseOffer,
    PriceRule,
    window_of,
)
from server.core.promotions.templates import Template
from server.ledger.promotions import templates
from server.ledger.tables import batches, price_overrides, price_rules, statement_lines
from server.ledger.together import Reading, Rows

_AT_ONCE: Final = 200  # template versions of a query


@dataclass(frozen=True, slots=True)
class CourseSales:
    """Pieces of a course that were sold, those of them below the list price, and the lowest price paid for
    one, in minor units of its currency."""

    currency: str
    pieces: int
    pieces_below: int
    lowest_price: int


async def insert_rule(conn: AsyncConnection, rule: PriceRule) -> None:
    await conn.execute(insert(price_rules).values(asdict(rule) | {"courses": list(rule.courses)}))


async def find(conn: AsyncConnection, rule_id: str) -> PriceRule | None:
    found = await conn.execute(select(price_rules).where(price_rules.c.id == rule_id))
    return next(iter(_rules(found.mappings().all())), None)


async def remove(conn: AsyncConnection, rule_id: str) -> bool:
    """Delete the rule; return whether it was there."""
    return bool(
        (await conn.execute(delete(price_rules).where(price_rules.c.id == rule_id))).rowcount
    )


async def page(conn: AsyncConnection, after: str | None, limit: int) -> list[PriceRule]:
    """Return a page of rules, newest first, that begins after the rule with the id `after`."""
    query = select(price_rules)
    if after is not None:
        query = query.where(price_rules.c.id < after)
    rows = await conn.execute(query.order_by(price_rules.c.id.desc()).limit(limit))
    return _rules(rows.mappings().all())


async def write_override(
    conn: AsyncConnection, batch_id: str, reason: str, actor: str, now: int
) -> None:
    """Note that the batch may break price rules; a later note replaces an earlier one."""
    await conn.execute(delete(price_overrides).where(price_overrides.c.batch_id == batch_id))
    who = {"created_by": actor, "created_at": now}
    await conn.execute(insert(price_overrides).values(batch_id=batch_id, reason=reason, **who))


async def is_overridden(conn: AsyncConnection, batch_id: str) -> bool:
    """Return whether an operator has said that the batch may break price rules."""
    query = select(price_overrides.c.batch_id).where(price_overrides.c.batch_id == batch_id)
    return (await conn.execute(query)).first() is not None


async def offers_near(
    conn: AsyncConnection, from_at: int, until_at: int, but: str | None = None
) -> list[CourseOffer]:
    """Return the offers of all batches that may be claimed at some time in [from_at, until_at), in ms.

    `but`: the batch that is left out.
    """
    of = batches.c
    since = from_at - PERIOD_DAYS * DAY_MS  # a batch without a window is on offer for a period
    query = select(
        of.template_id, of.template_version, of.claim_from, of.claim_until, of.created_at
    ).where(
        or_(of.claim_until.is_(None), of.claim_until > from_at),
        or_(of.claim_from.is_(None), of.claim_from < until_at),
        or_(of.claim_from.is_not(None), of.created_at > since),
        of.id != (but or ""),
    )
    rows = (await conn.execute(query)).all()
    known: dict[tuple[str, int], Template] = {}
    wanted = sorted({(row[0], row[1]) for row in rows})
    for first in range(0, len(wanted), _AT_ONCE):
        known |= await templates.find_all(conn, wanted[first : first + _AT_ONCE])
    offers = [
        CourseOffer(
            window_of(None if row[3] is None else ClaimWindow(row[2], row[3]), row[4]),
            known[row[0], row[1]],
        )
        for row in rows
    ]
    return [one for one in offers if one.window.until_at > from_at]


async def sales_of(
    conn: AsyncConnection, courses: Sequence[str], since: str
) -> dict[str, list[CourseSales]]:
    """Return what was sold of each course since this day (`YYYY-MM-DD`), by currency.

    Prices are what the first line of each order line says, which has its quantity.
    """
    of = statement_lines.c
    is_below = of.paid < of.list_price * of.quantity
    query = (
        select(
            of.course,
            of.currency,
            func.sum(of.quantity),
            func.sum(case((is_below, of.quantity), else_=0)),
            func.min(of.paid // of.quantity),
        )
        .where(of.date >= since, of.course.in_(courses), of.kind == "sale", of.quantity > 0)
        .group_by(of.course, of.currency)
        .order_by(of.course, of.currency)
    )
    found: dict[str, list[CourseSales]] = {}
    for course, currency, pieces, below, lowest in await conn.execute(query):
        sales = CourseSales(currency, int(pieces), int(below), int(lowest))
        found.setdefault(course, []).append(sales)
    return found


def _rules(rows: Rows) -> list[PriceRule]:
    return [PriceRule(**{**row, "courses": tuple(row["courses"])}) for row in rows]


# For opening_facts.py.
ALL: Final = Reading(select(price_rules).order_by(price_rules.c.id.desc()).limit(MAX_RULES), _rules)
