"""Coupons as rows: made from confirmed claims, found for wallets and orders, moved between states.

Called by flows and by the worker that confirms claims, inside their transactions. A move is one
conditional UPDATE (`_move`, nowhere else), so that of two who want the same coupon one finds it gone;
which moves there are is `core.coupon_states`. What a coupon is worth is not asked here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    and_,
    bindparam,
    case,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from server.core.coupon_states import CouponEvent, CouponMove, after
from server.core.coupons import LEAST_HOLD_AFTER_LOCK_MS, ClaimCoupon, Coupon, CouponState
from server.core.templates import Template
from server.ledger import coupon_moves, templates
from server.ledger.many_rows import among, insert_rows, is_among, many
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
    slot: int | None = None  # the claim's
    budget: str | None = None  # "exposed" where its campaign has a budget


_OF_A_CLAIM = ("claim", CouponState.USABLE.value)  # source and state of each NewCoupon


async def insert_for_claims(conn: AsyncConnection, rows: Sequence[NewCoupon]) -> None:
    """One coupon a claim: a claim that has its coupon keeps it, so redelivery is a no-op. The claims
    are rows of the same transaction or older ones. IntegrityError: a code is taken.
    """
    names = (*NewCoupon._fields, "source", "state")
    await insert_rows(conn, coupons, names, [(*row, *_OF_A_CLAIM) for row in rows], "claim_id")


async def by_claims(
    conn: AsyncConnection, claim_ids: Collection[str], known: Collection[Template] = ()
) -> list[ClaimCoupon]:
    """Read back in the transaction that made them, thousands a second. `known`: templates that need not
    be looked for; a version of one never changes."""
    columns = (coupons.c[name] for name in (*_TOLD, "template_id", "template_version"))
    query = select(*columns).where(is_among(conn, coupons.c.claim_id, claim_ids))
    rows = (await conn.execute(query)).all()
    found = {(template.id, template.version): template for template in known}
    found |= await templates.find_all(conn, {_version(row) for row in rows} - found.keys())
    return [ClaimCoupon._make((*row[:-2], found[row[-2], row[-1]])) for row in rows]


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


async def hold_for_order(
    conn: AsyncConnection, student: str, codes: Collection[str], others: Collection[str]
) -> list[Coupon]:
    """The student's coupons of these codes, and those with the ids `others`, as they are now and stay
    until the transaction ends but for its holder. Always all that a transaction is going to move, in one
    call: they are taken in the order of their ids, so two transactions that want the same coupons wait
    for each other instead of for ever.
    """
    if others:
        own = and_(coupons.c.student == student, is_among(conn, coupons.c.code, codes))
        either = or_(own, is_among(conn, coupons.c.id, others))
        query = select(coupons).where(either).order_by(coupons.c.id)
        return await _load(conn, query.with_for_update())
    asked = {"student": student, "codes": many(conn, codes)}
    return await _read(conn, (await conn.execute(_own_codes(conn.dialect), asked)).all())


async def hold_rows(conn: AsyncConnection, ids: Collection[str]) -> None:
    """`hold_for_order`, by ids alone."""
    await conn.execute(
        select(coupons.c.id)
        .where(is_among(conn, coupons.c.id, ids))
        .order_by(coupons.c.id)
        .with_for_update()
    )


class Moved(NamedTuple):
    """As much of a coupon that has just been moved as others have to be told of. `hold_until` is the
    new one."""

    id: str
    template_id: str
    template_version: int
    student: str | None
    drop_id: str | None
    claim_id: str | None
    hold_until: int | None


async def lock(conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int) -> None:
    """Needs their rows held and found usable; else RuntimeError, for nothing may go on from there."""
    change = _Change(_S.USABLE, _E.LOCKED, now, {"redemption_id": redemption_id})
    moved = await _move_ids(conn, change, ids)
    if len(moved) != len(ids):
        raise RuntimeError(f"{len(ids) - len(moved)} coupons not usable that were thought to be")


async def unlock(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[Moved]:
    """Those that this redemption locks are free again, with at least a minute of their hold."""
    least = now + LEAST_HOLD_AFTER_LOCK_MS
    columns = {
        "redemption_id": None,
        # Nothing stays nothing: comparing with NULL is not true.
        "hold_until": case((coupons.c.hold_until < least, least), else_=coupons.c.hold_until),
    }
    change = _Change(_S.LOCKED, _E.FREED, now, columns)
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


async def keep(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[Moved]:
    """Those that this redemption locks are used up by it, though it is cancelled."""
    change = _Change(_S.LOCKED, _E.KEPT, now, {"redemption_id": None})
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


async def redeem(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[Moved]:
    """Those that this redemption locks."""
    change = _Change(_S.LOCKED, _E.PAID, now, {"redeemed_at": now})
    return await _move_ids(conn, change, ids, redemption_id)


async def redeem_late(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[Moved]:
    """Those that are free, after the lock ended that the redemption had on them."""
    columns = {"redemption_id": redemption_id, "redeemed_at": now}
    change = _Change(_S.USABLE, _E.PAID_LATE, now, columns)
    return await _move(conn, change, is_among(conn, coupons.c.id, ids))


async def give_back(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[Moved]:
    """Those that were redeemed with this redemption are free again. Their hold is over: it was for a
    first use. `redeemed_at` stays, for what was ever redeemed is counted by it.
    """
    change = _Change(_S.REDEEMED, _E.GIVEN_BACK, now, {"redemption_id": None, "hold_until": None})
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


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
    is_over = and_(coupons.c.state == CouponState.USABLE, coupons.c.hold_until <= now)
    free = select(coupons.c.id).where(coupons.c.id.in_(ids), is_over).order_by(coupons.c.id)
    due = and_(coupons.c.id.in_(free.with_for_update(skip_locked=True)), is_over)
    moved = await _move(conn, _Change(_S.USABLE, _E.HOLD_ENDED, now), due)
    return [
        Hold(one.id, one.claim_id, one.drop_id, one.student)
        for one in moved
        if one.claim_id is not None and one.drop_id is not None and one.student is not None
    ]


async def void_unbound(conn: AsyncConnection, coupon_id: str, now: int) -> bool:
    """Nobody can bind this code any more. False: somebody has, or it is voided already."""
    nobodys = and_(coupons.c.id == coupon_id, coupons.c.student.is_(None))
    return bool(await _move(conn, _Change(_S.USABLE, _E.VOIDED, now), nobodys))


async def revoke(conn: AsyncConnection, coupon_id: str, now: int) -> bool:
    """Takes back a coupon that should not be. False: it is locked or spent, or gone already."""
    where = coupons.c.id == coupon_id
    return bool(await _move(conn, _Change(_S.USABLE, _E.REVOKED, now), where))


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


def _is_on(conn: AsyncConnection, ids: Collection[str], redemption_id: str) -> ColumnElement[bool]:
    return and_(is_among(conn, coupons.c.id, ids), coupons.c.redemption_id == redemption_id)


_S, _E = CouponState, CouponEvent


class _Change(NamedTuple):
    """Out of which stored state, by what, when; `columns`: what else it writes."""

    stored: CouponState
    event: CouponEvent
    now: int
    columns: Mapping[str, object] = {}

    @property
    def target(self) -> CouponState:
        return after(self.stored, self.event)


async def _move(conn: AsyncConnection, change: _Change, where: ColumnElement[bool]) -> list[Moved]:
    """Those that are there, in that state."""
    moving = update(coupons).where(where, coupons.c.state == change.stored)
    moving = moving.values(state=change.target.value, **change.columns)
    return await _write(conn, change, moving.returning(*_MOVED), None)


async def _move_ids(
    conn: AsyncConnection, change: _Change, ids: Collection[str], on: str | None = None
) -> list[Moved]:
    """`_move` with a statement that is made once: these of that state, and `on` that order where one is
    named. Every order asks for it, and to make it anew takes longer than to run it."""
    names = tuple(change.columns)
    statement = _moving(conn.dialect, change.stored, change.event, names, on is not None)
    asked = {f"to_{name}": value for name, value in change.columns.items()}
    if on is not None:
        asked["on"] = on
    return await _write(conn, change, statement, {**asked, "ids": many(conn, ids)})


@lru_cache(maxsize=64)
def _moving(
    dialect: Dialect, stored: CouponState, event: CouponEvent, names: tuple[str, ...], is_on: bool
) -> ReturningUpdate[*tuple[object, ...]]:
    where = [among(dialect, coupons.c.id, "ids"), coupons.c.state == stored]
    if is_on:
        where.append(coupons.c.redemption_id == bindparam("on"))
    to: dict[str, object] = {name: bindparam(f"to_{name}") for name in names}
    moving = update(coupons).where(*where).values(state=after(stored, event).value, **to)
    return moving.returning(*_MOVED)


async def _write(
    conn: AsyncConnection,
    change: _Change,
    statement: ReturningUpdate[*tuple[object, ...]],
    asked: Mapping[str, object] | None,
) -> list[Moved]:
    """Every move of every coupon passes here, and gets its line of their history."""
    moved = [Moved._make(row) for row in await conn.execute(statement, asked)]
    order = change.columns.get("redemption_id")
    line = CouponMove(
        change.now, change.event, change.target, order if isinstance(order, str) else None
    )
    await coupon_moves.write(conn, [one.id for one in moved], line)
    return moved


@lru_cache(maxsize=8)
def _own_codes(dialect: Dialect) -> Select[*tuple[object, ...]]:
    own = coupons.c.student == bindparam("student"), among(dialect, coupons.c.code, "codes")
    query = select(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))
    return query.where(*own).order_by(coupons.c.id).with_for_update()


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
    query = query.with_only_columns(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))
    return await _read(conn, (await conn.execute(query)).all())


async def _read(conn: AsyncConnection, rows: Sequence[Sequence[Any]]) -> list[Coupon]:
    """Templates are read by themselves: many coupons have few, and each is JSON to be parsed."""
    found = await templates.find_all(conn, {_version(row) for row in rows})
    return [_coupon(row, found[_version(row)]) for row in rows]


def _version(row: Sequence[Any]) -> tuple[str, int]:
    return row[-2], row[-1]


def _coupon(row: Sequence[Any], template: Template) -> Coupon:
    fields = dict(zip(_PLAIN, row, strict=False))
    return Coupon(**fields, state=CouponState(row[-3]), template=template)


_MOVED = tuple(coupons.c[name] for name in Moved._fields)
# Columns that are fields under the same name.
_PLAIN = (
    *("id", "code", "batch_id", "student", "valid_from", "valid_until", "created_at"),
    *("hold_until", "drop_id", "claim_id", "redemption_id", "redeemed_at"),
)
_OTHERS = ("state", "template_id", "template_version")
_OF_HOLD = ("id", "claim_id", "drop_id", "student")  # in the fields' order
