"""Coupons as rows: inserted for confirmed claims, found for wallets and orders, locked before they move.

Called by flows and by the worker that confirms claims, inside their transactions. coupon_moves.py moves a
coupon from state to state. Knows nothing of what a coupon is worth.
"""

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Integer,
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
from server.ledger.bulk import among, insert_rows, is_among, lines_of
from server.ledger.promotions import templates
from server.ledger.tables import coupons
from server.ledger.together import Reading, Rows


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
    source: str = "claim"  # core.coupons' claim, link or qr


_OF_A_CLAIM = (CouponState.USABLE.value,)  # state of each NewCoupon


async def insert_for_claims(conn: AsyncConnection, rows: Sequence[NewCoupon]) -> None:
    """Insert one coupon for each claim; a claim that has its coupon keeps it, so redelivery is a no-op.

    The claims are rows of the same transaction or older ones. IntegrityError: a code exists already.
    """
    names = (*NewCoupon._fields, "state")
    await insert_rows(conn, coupons, names, [(*row, *_OF_A_CLAIM) for row in rows], "claim_id")


class IssuedCoupon(NamedTuple):
    """The usable coupon that an issuance gives to a student. Instants are in ms."""

    id: CouponId
    code: str
    batch_id: BatchId
    template_id: str
    template_version: int
    source: str
    student: StudentId
    valid_from: int
    valid_until: int
    hold_until: int | None
    created_at: int
    slot: Slot
    budget: str | None
    issuance_id: str
    part: int


# What differs among the coupons that one issuance gives of one batch at one time.
_EACH: Final = ("id", "code", "student", "slot", "part")
_SHARED: Final = tuple(name for name in IssuedCoupon._fields if name not in _EACH)
_each_of = attrgetter(*_EACH)
_shared_of = attrgetter(*_SHARED)


async def insert_issued(conn: AsyncConnection, rows: Sequence[IssuedCoupon]) -> None:
    """Insert coupons that one issuance gives of one batch at one time, and make sure that all are there.

    IntegrityError: a code exists already, a student has used the slot, or has this coupon of the issuance.
    """
    if not rows:
        return
    shared = _shared_of(rows[0])
    if any(_shared_of(row) != shared for row in rows):
        raise ValueError("coupons of one batch and one issuance are inserted at once")
    usable = CouponState.USABLE.value
    if conn.dialect.name == "postgresql":
        # One statement, whatever the number of rows, with a list only for what differs.
        columns = [*zip(*map(_each_of, rows), strict=True)]
        as_text = [lines_of([*map(str, one)]) for one in columns]
        if None in as_text:
            raise ValueError("a student's id has no line break")
        made = await conn.exec_driver_sql(_ISSUED_FROM_LINES, (*as_text, *shared, usable))
    else:
        texts = orjson.dumps([_each_of(row) for row in rows]).decode()
        made = await conn.exec_driver_sql(_ISSUED_FROM_JSON, (*shared, usable, texts))
    if made.rowcount != len(rows):
        raise RuntimeError(f"{len(rows)} coupons were inserted, and {made.rowcount} are there")


def _kind(name: str) -> str:
    return "bigint" if isinstance(coupons.c[name].type, Integer) else "varchar"


_ISSUED_NAMES: Final = ", ".join((*_EACH, "issued_to", *_SHARED, "state"))
_ISSUED_FROM_LINES: Final = (
    f"INSERT INTO coupons ({_ISSUED_NAMES}) SELECT "
    + ", ".join(f"{name}::{_kind(name)}" for name in (*_EACH, "student"))
    + ", "
    + ", ".join(f"${n}::{_kind(name)}" for n, name in enumerate(_SHARED, len(_EACH) + 1))
    + f", ${len(_EACH) + len(_SHARED) + 1}::varchar FROM unnest("
    + ", ".join(f"string_to_array(${n}, E'\\n')" for n in range(1, len(_EACH) + 1))
    + f") AS new({', '.join(_EACH)})"
)
_ISSUED_FROM_JSON: Final = (
    f"INSERT INTO coupons ({_ISSUED_NAMES}) SELECT "
    + ", ".join(
        f"json_extract(value, '$[{number}]')"
        for number in (*range(len(_EACH)), _EACH.index("student"))
    )
    + f"{', ?' * (len(_SHARED) + 1)} FROM json_each(?)"
)


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
        query = query.where(has_state(coupons.c, seen, now))
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
    own = and_(coupons.c.student == student, is_among(conn, coupons.c.code, codes))
    either = or_(own, is_among(conn, coupons.c.id, others))
    query = select(coupons).where(either).order_by(coupons.c.id)
    return await _load(conn, query.with_for_update())


async def find_by_code_for_update(conn: AsyncConnection, codes: Collection[str]) -> Coupon | None:
    """Return the coupon with one of these codes (as stored), whoever has it; lock its row."""
    query = select(coupons).where(coupons.c.code.in_(codes)).order_by(coupons.c.id)
    return next(iter(await _load(conn, query.with_for_update())), None)


async def lock_rows_for_update(conn: AsyncConnection, ids: Collection[str]) -> None:
    """Lock the rows of these coupons until the transaction ends, in the order of `find_for_update`."""
    await conn.execute(
        select(coupons.c.id)
        .where(is_among(conn, coupons.c.id, ids))
        .order_by(coupons.c.id)
        .with_for_update()
    )


def own_codes(dialect: Dialect) -> Select[*tuple[Any, ...]]:
    """Return the query for the coupons of `student` with `codes`, in the order of `find_for_update`."""
    own = coupons.c.student == bindparam("student"), among(dialect, coupons.c.code, "codes")
    return _columns_of(select(coupons).where(*own).order_by(coupons.c.id))


async def of_rows(conn: AsyncConnection, *lists: Rows) -> list[list[Coupon]]:
    """Return the coupons of each list of rows that a Reading of coupons has found."""
    together = [tuple(row[name] for name in (*_PLAIN, *_OTHERS)) for rows in lists for row in rows]
    made = iter(await _read(conn, together))
    return [[next(made) for _ in rows] for rows in lists]


def has_state(columns: Any, state: CouponState, now: Any) -> ColumnElement[bool]:
    """`Coupon.seen_at(now) == state` in SQL, of a table or subquery with these columns."""
    usable = columns.state == CouponState.USABLE
    alive = and_(
        columns.valid_until > now,
        or_(columns.hold_until.is_(None), columns.hold_until > now),
    )
    match state:
        case CouponState.USABLE:
            return and_(usable, alive)
        case CouponState.EXPIRED:
            return and_(usable, not_(alive))
        case CouponState.REVOKED:
            return or_(columns.state == CouponState.REVOKED, columns.state == CouponState.VOIDED)
    return and_(columns.state == state)


async def _load(conn: AsyncConnection, query: Select[*tuple[object, ...]]) -> list[Coupon]:
    return await _read(conn, (await conn.execute(_columns_of(query))).all())


def _columns_of(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.with_only_columns(*(coupons.c[name] for name in (*_PLAIN, *_OTHERS)))


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

# The coupons of `student` that are usable `now` or later, or locked; those that end first first.
AVAILABLE: Final = Reading(
    _columns_of(
        select(coupons)
        .where(
            coupons.c.student == bindparam("student"),
            or_(
                has_state(coupons.c, CouponState.USABLE, bindparam("now", type_=BigInteger)),
                coupons.c.state == CouponState.LOCKED,
            ),
        )
        .order_by(coupons.c.valid_until, coupons.c.id)
        .limit(bindparam("limit", type_=Integer))
    ),
    list,
)
