"""Coupons as rows: inserted for confirmed claims, found for wallets and orders, locked before they move.

Called by flows and by the worker that confirms claims, inside their transactions. coupon_moves.py moves a
coupon from state to state. Knows nothing of what a coupon is worth.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    and_,
    bindparam,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.coupons.coupons import ClaimCoupon, Coupon, CouponState
from server.core.ids import BatchId, ClaimId, CouponId, DropId, Slot, StudentId
from server.core.promotions.templates import Template
from server.ledger.bulk import among, insert_rows, is_among, many
from server.ledger.promotions import templates
from server.ledger.tables import coupons


class NewCoupon(NamedTuple):
    """The usable coupon of a confirmed claim. Instants are in ms."""

    id: CouponId
    code: str
    batch_id: BatchId
    template_id: str
    template_version: int
    claim_id: ClaimId
    drop_id: DropId
    student: StudentId
    valid_from: int
    valid_until: int
    hold_until: int | None
    created_at: int
    slot: Slot | None = None  # the claim's
    budget: str | None = None  # "exposed" where its campaign has a budget


_OF_A_CLAIM = ("claim", CouponState.USABLE.value)  # source and state of each NewCoupon


async def insert_for_claims(conn: AsyncConnection, rows: Sequence[NewCoupon]) -> None:
    """Insert one coupon for each claim; a claim that has its coupon keeps it, so redelivery is a no-op.

    The claims are rows of the same transaction or older ones. IntegrityError: a code exists already.
    """
    names = (*NewCoupon._fields, "source", "state")
    await insert_rows(conn, coupons, names, [(*row, *_OF_A_CLAIM) for row in rows], "claim_id")


async def by_claims(
    conn: AsyncConnection, claim_ids: Collection[str], known: Collection[Template] = ()
) -> list[ClaimCoupon]:
    """Return the coupons of these claims, read back in the transaction that inserted them.

    `known` are template versions that need not be read: a version never changes.
    """
    columns = (
        coupons.c[name] for name in (*_CLAIM_COUPON_COLUMNS, "template_id", "template_version")
    )
    query = select(*columns).where(is_among(conn, coupons.c.claim_id, claim_ids))
    rows = (await conn.execute(query)).all()
    found = {(template.id, template.version): template for template in known}
    found |= await templates.find_all(conn, {_version(row) for row in rows} - found.keys())
    return [ClaimCoupon._make((*row[:-2], found[row[-2], row[-1]])) for row in rows]


_CLAIM_COUPON_COLUMNS = ClaimCoupon._fields[:-1]  # all but the template itself


async def by_ids(conn: AsyncConnection, ids: Collection[str]) -> list[Coupon]:
    """Return the coupons with these ids, in no particular order."""
    return await _load(conn, select(coupons).where(coupons.c.id.in_(ids)))


async def by_codes(conn: AsyncConnection, student: str, codes: Collection[str]) -> list[Coupon]:
    """Return the student's coupons with these codes (as stored)."""
    return await _load(
        conn,
        select(coupons).where(coupons.c.student == student, coupons.c.code.in_(codes)),
    )


async def usable_or_locked(
    conn: AsyncConnection, student: str, now: int, limit: int
) -> list[Coupon]:
    """Return the student's coupons that are usable now or later, or locked; those that end first first."""
    wanted = or_(_has_state(CouponState.USABLE, now), coupons.c.state == CouponState.LOCKED)
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
    """Return a page of a wallet, newest first, that begins after the coupon `after`.

    `seen` restricts it to coupons of this state as a student sees it (Coupon.seen_at).
    """
    query = select(coupons).where(coupons.c.student == student)
    if seen is not None:
        query = query.where(_has_state(seen, now))
    if after is not None:
        query = query.where(coupons.c.id < after)
    return await _load(conn, query.order_by(coupons.c.id.desc()).limit(limit))


async def find_for_update(
    conn: AsyncConnection, student: str, codes: Collection[str], others: Collection[str]
) -> list[Coupon]:
    """Return the student's coupons of these codes and the coupons with the ids `others`; lock their rows
    until the transaction ends.

    Lock order: by id. Pass all coupons that the transaction moves in one call, so that two transactions
    that want the same coupons cannot deadlock.
    """
    if others:
        own = and_(coupons.c.student == student, is_among(conn, coupons.c.code, codes))
        either = or_(own, is_among(conn, coupons.c.id, others))
        query = select(coupons).where(either).order_by(coupons.c.id)
        return await _load(conn, query.with_for_update())
    parameters = {"student": student, "codes": many(conn, codes)}
    return await _read(conn, (await conn.execute(_own_codes(conn.dialect), parameters)).all())


async def lock_rows_for_update(conn: AsyncConnection, ids: Collection[str]) -> None:
    """Lock the rows of these coupons until the transaction ends, in the order of `find_for_update`."""
    await conn.execute(
        select(coupons.c.id)
        .where(is_among(conn, coupons.c.id, ids))
        .order_by(coupons.c.id)
        .with_for_update()
    )


@lru_cache(maxsize=8)
def _own_codes(dialect: Dialect) -> Select[*tuple[object, ...]]:
    own = coupons.c.student == bindparam("student"), among(dialect, coupons.c.code, "codes")
    query = select(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))
    return query.where(*own).order_by(coupons.c.id).with_for_update()


def _has_state(state: CouponState, now: int) -> ColumnElement[bool]:
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
    query = query.with_only_columns(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))
    return await _read(conn, (await conn.execute(query)).all())


async def _read(conn: AsyncConnection, rows: Sequence[Sequence[Any]]) -> list[Coupon]:
    """Build the coupons. Templates are read separately: many coupons share few, and each is JSON."""
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
