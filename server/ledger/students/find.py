"""Looks for whatever one text may name, each time along an index. Reads only; for api/students/find.py."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, ScalarSelect, Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons import codes
from server.core.students.find import Found, FoundKind, kind_of_id
from server.ledger.audiences import students
from server.ledger.checkout.order_list import ListedOrder, orders_of
from server.ledger.coupons.coupon_list import ListedCoupon, coupons_of
from server.ledger.tables import (
    access_rules,
    acts,
    alerts,
    approvals,
    audience_versions,
    audiences,
    batches,
    campaigns,
    coupons,
    drops,
    experiments,
    imports,
    issuances,
    jobs,
    links,
    lotteries,
    messages,
    offers,
    packs,
    price_rules,
    redemptions,
    template_versions,
    templates,
    triggers,
    webhooks,
)

MOST_STUDENTS: Final = 10
MOST_ORDERS: Final = 5  # of one payment reference


async def find(conn: AsyncConnection, text: str, now: int) -> list[Found]:
    """Return what this text names or begins, the most exact first; `now` in ms, for the states of coupons."""
    return [
        *await _by_id(conn, text, now),
        *await _orders(conn, text),
        *await _coupons_by_code(conn, text, now),
        *await _students(conn, text),
        *await _links_and_rooms(conn, text),
    ]


async def _by_id(conn: AsyncConnection, text: str, now: int) -> list[Found]:
    kind = kind_of_id(text)
    if kind is None:
        return []
    if kind is FoundKind.ORDER:
        return [_order(each) for each in await orders_of(conn, [text])]
    if kind is FoundKind.COUPON:
        is_it = coupons.c.claim_id if text.startswith("clm_") else coupons.c.id
        ids = list(await conn.scalars(select(coupons.c.id).where(is_it == text)))
        return [_coupon(each) for each in await coupons_of(conn, ids, now)]
    table = _TABLES[kind]
    known = [table.c[name] for name in ("state", "student", "room") if name in table.c]
    name = _name_of(table)
    columns = [*known] if name is None else [*known, name.label("name")]
    row = (await conn.execute(select(table.c.id, *columns).where(table.c.id == text))).first()
    return [] if row is None else [Found(kind, **dict(row._mapping))]


def _name_of(table: Table) -> Column[Any] | ScalarSelect[Any] | None:
    """Return the column of its name, or that of its latest version."""
    if "name" in table.c:
        return table.c.name
    if table not in _VERSIONS:
        return None
    versions, of = _VERSIONS[table]
    latest = select(versions.c.name).where(versions.c[of] == table.c.id)
    return latest.order_by(versions.c.version.desc()).limit(1).scalar_subquery()


async def _orders(conn: AsyncConnection, text: str) -> list[Found]:
    """Return the order of this number, and those of this payment reference."""
    is_it = or_(redemptions.c.order_id == text, redemptions.c.payment_ref == text)
    query = select(redemptions.c.id).where(is_it).order_by(redemptions.c.id.desc())
    ids = list(await conn.scalars(query.limit(MOST_ORDERS)))
    return [_order(each) for each in await orders_of(conn, ids)]


async def _coupons_by_code(conn: AsyncConnection, text: str, now: int) -> list[Found]:
    query = select(coupons.c.id).where(coupons.c.code.in_(codes.spellings(text)))
    return [_coupon(each) for each in await coupons_of(conn, list(await conn.scalars(query)), now)]


async def _students(conn: AsyncConnection, text: str) -> list[Found]:
    """Return those whose id or name begins so; and one of whom the school has said nothing, by their id."""
    known = await students.page(conn, text, None, MOST_STUDENTS, None)
    found = [Found(FoundKind.STUDENT, one.id, one.name) for one in known]
    if all(one.id != text for one in found) and await _has_something(conn, text):
        found.insert(0, Found(FoundKind.STUDENT, text))
    return sorted(found, key=lambda one: one.id != text)


async def _has_something(conn: AsyncConnection, student: str) -> bool:
    for table in (coupons, redemptions):
        query = select(table.c.id).where(table.c.student == student).limit(1)
        if await conn.scalar(query) is not None:
            return True
    return False


async def _links_and_rooms(conn: AsyncConnection, text: str) -> list[Found]:
    slugs = await conn.scalars(select(links.c.id).where(links.c.slug == text))
    found = [Found(FoundKind.LINK, each) for each in slugs]
    is_room = select(drops.c.id).where(drops.c.room == text).limit(1)
    if await conn.scalar(is_room) is not None:
        found.append(Found(FoundKind.ROOM, text))
    return found


def _order(order: ListedOrder) -> Found:
    return Found(FoundKind.ORDER, order.order_id, state=order.state, student=order.student)


def _coupon(coupon: ListedCoupon) -> Found:
    return Found(
        FoundKind.COUPON,
        coupon.id,
        name=coupon.name,
        state=coupon.state,
        student=coupon.student,
        code=coupon.code,
    )


_TABLES: Final[Mapping[FoundKind, Table]] = {
    FoundKind.TEMPLATE: templates,
    FoundKind.BATCH: batches,
    FoundKind.CAMPAIGN: campaigns,
    FoundKind.PRICE_RULE: price_rules,
    FoundKind.APPROVAL: approvals,
    FoundKind.DROP: drops,
    FoundKind.LINK: links,
    FoundKind.ISSUANCE: issuances,
    FoundKind.AUDIENCE: audiences,
    FoundKind.IMPORT: imports,
    FoundKind.TRIGGER: triggers,
    FoundKind.PACK: packs,
    FoundKind.LOTTERY: lotteries,
    FoundKind.EXPERIMENT: experiments,
    FoundKind.OFFER: offers,
    FoundKind.MESSAGE: messages,
    FoundKind.WEBHOOK: webhooks,
    FoundKind.ALERT: alerts,
    FoundKind.ACT: acts,
    FoundKind.BLOCK: access_rules,
    FoundKind.JOB: jobs,
}
_VERSIONS: Final[Mapping[Table, tuple[Table, str]]] = {
    templates: (template_versions, "template_id"),
    audiences: (audience_versions, "audience_id"),
}
