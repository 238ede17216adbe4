"""Coupons as rows: made from confirmed claims, found for wallets and orders, moved between states.

Called by flows and by the worker that confirms claims, inside their transactions. A move is one
conditional UPDATE, so that of two who want the same coupon one finds it gone; which moves there are
is `core.coupons.MOVES`. What a coupon is worth is not asked here.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, literal, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons import (
    LEAST_HOLD_AFTER_LOCK_MS,
    MOVES,
    ClaimCoupon,
    Coupon,
    CouponState,
)
from server.core.templates import Template
from server.ledger import templates
from server.ledger.many_rows import insert_rows, is_among
from server.ledger.tables import coupons


class NewCoupon(NamedTuple):
    """A coupon of a confirmed claim, bound to its student, usable."""

    id: str
    code: str
    batch_id: str
    template_id: str
    template_version: int
    claim_id: str
    drop_id: str
    student: str
    valid_from: int
    valid_until: int
    hold_until: int | None
    created_at: int
    budget: str | None = None  # "exposed" where its campaign has a budget


_OF_A_CLAIM = ("claim", CouponState.USABLE.value)  # source and state of each NewCoupon


async def insert_for_claims(conn: AsyncConnection, rows: Sequence[NewCoupon]) -> None:
    """One coupon a claim: a claim that has its coupon keeps it, so redelivery is a no-op. The claims
    are rows of the same transaction or older ones. IntegrityError: a code is taken.
    """
    names = (*NewCoupon._fields, "source", "state")
    await insert_rows(conn, coupons, names, [(*row, *_OF_A_CLAIM) for row in rows], "claim_id")


async def by_claims(conn: AsyncConnection, claim_ids: Collection[str]) -> list[ClaimCoupon]:
    """Read back in the transaction that made them, thousands a second."""
    columns = (coupons.c[name] for name in (*_TOLD, "template_id", "template_version"))
    query = select(*columns).where(is_among(conn, coupons.c.claim_id, claim_ids))
    rows = (await conn.execute(query)).all()
    found = await templates.find_all(conn, {_version(row) for row in rows})
    return [ClaimCoupon._make((*row[:-2], found[_version(row)])) for row in rows]


_TOLD = ClaimCoupon._fields[:-1]  # all but the template itself


async def by_ids(conn: AsyncConnection, ids: Collection[str]) -> list[Coupon]:
    return await _load(conn, select(coupons).where(coupons.c.id.in_(ids)))


async def by_codes(conn: AsyncConnection, student: str, codes: Collection[str]) -> list[Coupon]:
    """Those of these codes that are the student's own; the codes as they are stored."""
    return await _load(
        conn,
        select(coupons).where(coupons.c.student == student, coupons.c.code.in_(codes)),
    )


async def not_used_up(conn: AsyncConnection, student: str, now: int, limit: int) -> list[Coupon]:
    """The student's coupons that are usable now or later, or locked; those lost first come first."""
    wanted = or_(_is_seen(CouponState.USABLE, now), coupons.c.state == CouponState.LOCKED)
    return await _load(
        conn,
        select(coupons)
        .where(coupons.c.student == student, wanted)
        .order_by(coupons.c.valid_until, coupons.c.id)
        .limit(limit),
    )


async def page_of_student(
    conn: AsyncConnection,
    student: str,
    seen: CouponState | None,
    now: int,
    after: str | None,
    limit: int,
) -> list[Coupon]:
    """A wallet, newest first, from behind the coupon `after`; `seen` is the state a student is told
    (Coupon.seen_at), None for all.
    """
    query = select(coupons).where(coupons.c.student == student)
    if seen is not None:
        query = query.where(_is_seen(seen, now))
    if after is not None:
        query = query.where(coupons.c.id < after)
    return await _load(conn, query.order_by(coupons.c.id.desc()).limit(limit))


async def ids_of_codes(conn: AsyncConnection, student: str, codes: Collection[str]) -> list[str]:
    return list(
        await conn.scalars(
            select(coupons.c.id).where(coupons.c.student == student, coupons.c.code.in_(codes))
        )
    )


async def hold_rows(conn: AsyncConnection, ids: Iterable[str]) -> None:
    """Keeps everybody else from moving these until the transaction ends. Always all that a
    transaction is going to move, in one call: they are taken in the order of their ids, so two
    transactions that want the same coupons wait for each other instead of for ever.
    """
    wanted = sorted(set(ids))
    if wanted:
        await conn.execute(
            select(coupons.c.id)
            .where(coupons.c.id.in_(wanted))
            .order_by(coupons.c.id)
            .with_for_update()
        )


async def lock(conn: AsyncConnection, coupon_id: str, redemption_id: str) -> None:
    """Needs its row held and found usable; else RuntimeError, for nothing may go on from there."""
    source = _from(coupon_id, CouponState.USABLE)
    if not await _move(conn, source, CouponState.LOCKED, redemption_id=redemption_id):
        raise RuntimeError(f"coupon {coupon_id} is not usable, and was thought to be")


async def unlock(conn: AsyncConnection, coupon_id: str, redemption_id: str, now: int) -> bool:
    """Free again, with at least a minute of its hold. False: this redemption does not lock it."""
    least = now + LEAST_HOLD_AFTER_LOCK_MS
    return await _move(
        conn,
        _from(coupon_id, CouponState.LOCKED, redemption_id),
        CouponState.USABLE,
        redemption_id=None,
        # Nothing stays nothing: comparing with NULL is not true.
        hold_until=case((coupons.c.hold_until < least, least), else_=coupons.c.hold_until),
    )


async def redeem(conn: AsyncConnection, coupon_id: str, redemption_id: str, now: int) -> bool:
    """Out of this redemption's lock, or free after that lock ended. False: it is neither."""
    moved = {"redemption_id": redemption_id, "redeemed_at": now}
    locked = _from(coupon_id, CouponState.LOCKED, redemption_id)
    free = _from(coupon_id, CouponState.USABLE)
    return await _move(conn, locked, CouponState.REDEEMED, **moved) or await _move(
        conn, free, CouponState.REDEEMED, **moved
    )


async def held_until(conn: AsyncConnection, ids: Collection[str], until: int) -> "list[Hold]":
    """Those of claims whose hold ends at that very moment, or would if nobody were paying."""
    found = await conn.execute(
        select(*(coupons.c[name] for name in _OF_HOLD)).where(
            coupons.c.id.in_(ids),
            coupons.c.hold_until == until,
            coupons.c.claim_id.is_not(None),
        )
    )
    return [Hold(*row) for row in found]


@dataclass(frozen=True, slots=True)
class Hold:
    """A claimed coupon that has to be used in time."""

    coupon_id: str
    claim_id: str
    drop_id: str
    student: str


async def release(conn: AsyncConnection, ids: Collection[str], now: int) -> list[Hold]:
    """Ends those of these holds that are over: their units may go to somebody else. Not those that are
    used, locked or not due, nor those that somebody is just paying with: these are asked for again.
    """
    _check_move(CouponState.USABLE, CouponState.RELEASED)
    is_over = and_(coupons.c.state == CouponState.USABLE, coupons.c.hold_until <= now)
    free = select(coupons.c.id).where(coupons.c.id.in_(ids), is_over).order_by(coupons.c.id)
    moved = await conn.execute(
        update(coupons)
        .where(coupons.c.id.in_(free.with_for_update(skip_locked=True)), is_over)
        .values(state=CouponState.RELEASED.value)
        .returning(*(coupons.c[name] for name in _OF_HOLD))
    )
    return [Hold(*row) for row in moved]


async def revoke(conn: AsyncConnection, coupon_id: str) -> bool:
    """Takes back a coupon that should not be. False: it is locked or spent, or gone already."""
    return await _move(conn, _from(coupon_id, CouponState.USABLE), CouponState.REVOKED)


async def overdue_holds(conn: AsyncConnection, now: int, limit: int) -> list[Hold]:
    """Those that are over and that nobody is paying with, the longest overdue first."""
    # Written out, or PostgreSQL does not see that the partial index on hold_until is meant.
    usable = literal(CouponState.USABLE.value, literal_execute=True)
    found = await conn.execute(
        select(*(coupons.c[name] for name in _OF_HOLD))
        .where(
            coupons.c.state == usable,
            coupons.c.hold_until <= now,
            coupons.c.claim_id.is_not(None),  # what no claim gave took no unit
        )
        .order_by(coupons.c.hold_until)
        .limit(limit)
    )
    return [Hold(*row) for row in found]


@dataclass(frozen=True, slots=True)
class _Source:
    state: CouponState
    where: ColumnElement[bool]


def _from(coupon_id: str, state: CouponState, redemption_id: str | None = None) -> _Source:
    where = and_(coupons.c.id == coupon_id, coupons.c.state == state)
    if redemption_id is not None:
        where = and_(where, coupons.c.redemption_id == redemption_id)
    return _Source(state, where)


async def _move(
    conn: AsyncConnection,
    source: _Source,
    target: CouponState,
    *conditions: ColumnElement[bool],
    **columns: object,
) -> bool:
    _check_move(source.state, target)
    moved = await conn.execute(
        update(coupons).where(source.where, *conditions).values(state=target.value, **columns)
    )
    return moved.rowcount == 1


def _check_move(source: CouponState, target: CouponState) -> None:
    if (source, target) not in MOVES:
        raise ValueError(f"a coupon never goes from {source} to {target}")


def _is_seen(state: CouponState, now: int) -> ColumnElement[bool]:
    """`Coupon.seen_at(now) == state` in SQL."""
    usable = coupons.c.state == CouponState.USABLE
    alive = and_(
        coupons.c.valid_until > now,
        or_(coupons.c.hold_until.is_(None), coupons.c.hold_until > now),
    )
    match state:
        case CouponState.USABLE:
            return and_(usable, alive)
        case CouponState.EXPIRED:
            return and_(usable, not_(alive))
        case CouponState.REVOKED:
            return coupons.c.state.in_((CouponState.REVOKED, CouponState.VOIDED))
    return coupons.c.state == state


async def _load(conn: AsyncConnection, query: Select[*tuple[object, ...]]) -> list[Coupon]:
    """Templates are read by themselves: many coupons have few, and each is JSON to be parsed."""
    query = query.with_only_columns(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))
    rows = (await conn.execute(query)).all()
    found = await templates.find_all(conn, {_version(row) for row in rows})
    return [_coupon(row, found[_version(row)]) for row in rows]


def _version(row: Sequence[Any]) -> tuple[str, int]:
    return row[-2], row[-1]


def _coupon(row: Sequence[Any], template: Template) -> Coupon:
    fields = dict(zip(_PLAIN, row, strict=False))
    return Coupon(**fields, state=CouponState(row[-3]), template=template)


# Columns that are fields under the same name.
_PLAIN = (
    *("id", "code", "batch_id", "student", "valid_from", "valid_until", "created_at"),
    *("hold_until", "drop_id", "claim_id", "redemption_id", "redeemed_at"),
)
_OTHERS = ("state", "template_id", "template_version")
_OF_HOLD = ("id", "claim_id", "drop_id", "student")  # in the fields' order
