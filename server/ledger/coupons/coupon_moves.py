"""Each move of a coupon from state to state: one conditional UPDATE, so that of two who want the same coupon
one finds it gone, and its line in the coupon's history (a row that is never changed: tables/).

Called by flows inside their transactions. Which moves there are is `core.coupon_states`; whoever moves
several locks their rows before (coupons.lock_rows_for_update). Being claimed is no move: the claim says when.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Dialect,
    and_,
    bindparam,
    case,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from server.core.coupons.coupon_states import CouponEvent, CouponMove, state_after
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from server.core.ids import ClaimId, CouponId, DropId, StudentId
from server.ledger.bulk import among, is_among, many
from server.ledger.engine import notify_on_commit
from server.ledger.tables import coupon_moves, coupons


class MovedCoupon(NamedTuple):
    """As much of a coupon that has just been moved as others have to be told of. `hold_until` is the
    new one; `budget`: where its part of its campaign's is, None where it has none."""

    id: CouponId
    template_id: str
    template_version: int
    student: StudentId | None
    drop_id: DropId | None
    claim_id: ClaimId | None
    hold_until: int | None
    budget: str | None


async def lock(conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int) -> None:
    """Needs their rows held and found usable; else RuntimeError, for nothing may go on from there."""
    change = _Change(_S.USABLE, _E.LOCKED, now, {"redemption_id": redemption_id})
    moved = await _move_ids(conn, change, ids)
    if len(moved) != len(ids):
        raise RuntimeError(f"{len(ids) - len(moved)} coupons not usable that were thought to be")


async def unlock(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
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
) -> list[MovedCoupon]:
    """Those that this redemption locks are used up by it, though it is cancelled."""
    change = _Change(_S.LOCKED, _E.KEPT, now, {"redemption_id": None})
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


async def redeem(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Those that this redemption locks."""
    change = _Change(_S.LOCKED, _E.PAID, now, {"redeemed_at": now})
    return await _move_ids(conn, change, ids, redemption_id)


async def redeem_late(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Those that are free, after the lock ended that the redemption had on them."""
    columns = {"redemption_id": redemption_id, "redeemed_at": now}
    change = _Change(_S.USABLE, _E.PAID_LATE, now, columns)
    return await _move(conn, change, is_among(conn, coupons.c.id, ids))


async def give_back(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Those that were redeemed with this redemption are free again. Their hold is over: it was for a
    first use. `redeemed_at` stays, for what was ever redeemed is counted by it.
    """
    change = _Change(_S.REDEEMED, _E.GIVEN_BACK, now, {"redemption_id": None, "hold_until": None})
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


@dataclass(frozen=True, slots=True)
class Hold:
    """A claimed coupon that has to be used in time."""

    coupon_id: CouponId
    claim_id: ClaimId
    drop_id: DropId
    student: StudentId


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
# What an open page has to hear of. Ended holds and revoked claims are told as losses of a claim.
_PUBLISHED_EVENTS: Final = frozenset(
    {_E.LOCKED, _E.FREED, _E.KEPT, _E.PAID, _E.PAID_LATE, _E.GIVEN_BACK, _E.VOIDED}
)


class _Change(NamedTuple):
    """Out of which stored state, by what, when; `columns`: what else it writes."""

    stored: CouponState
    event: CouponEvent
    now: int
    columns: Mapping[str, object] = {}

    @property
    def target(self) -> CouponState:
        return state_after(self.stored, self.event)

    @property
    def written(self) -> Mapping[str, object]:
        """All that the row gets beside its state and its count of moves."""
        if self.event not in _PUBLISHED_EVENTS:
            return self.columns
        return {**self.columns, "untold_since": self.now}


async def _move(
    conn: AsyncConnection, change: _Change, where: ColumnElement[bool]
) -> list[MovedCoupon]:
    """Those that are there, in that state."""
    moving = update(coupons).where(where, coupons.c.state == change.stored)
    moving = moving.values(state=change.target.value, **_COUNTED, **change.written)
    return await _write(conn, change, moving.returning(*_MOVED), None)


async def _move_ids(
    conn: AsyncConnection, change: _Change, ids: Collection[str], on: str | None = None
) -> list[MovedCoupon]:
    """`_move` with a statement that is made once: these of that state, and `on` that order where one is
    named. Every order asks for it, and to make it anew takes longer than to run it."""
    written = change.written
    statement = _moving(conn.dialect, change.stored, change.event, tuple(written), on is not None)
    asked = {f"to_{name}": value for name, value in written.items()}
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
    moving = update(coupons).where(*where)
    moving = moving.values(state=state_after(stored, event).value, **_COUNTED, **to)
    return moving.returning(*_MOVED)


async def _write(
    conn: AsyncConnection,
    change: _Change,
    statement: ReturningUpdate[*tuple[object, ...]],
    asked: Mapping[str, object] | None,
) -> list[MovedCoupon]:
    """Every move of every coupon passes here, and gets its line of their history."""
    moved = [MovedCoupon._make(row) for row in await conn.execute(statement, asked)]
    order = change.columns.get("redemption_id")
    line = CouponMove(
        change.now, change.event, change.target, order if isinstance(order, str) else None
    )
    await _write_history(conn, [one.id for one in moved], line)
    if change.event in _PUBLISHED_EVENTS:
        notify_on_commit(conn, [one.id for one in moved if one.student is not None])
    return moved


async def _write_history(conn: AsyncConnection, ids: Sequence[str], move: CouponMove) -> None:
    """The same move of all these coupons."""
    if ids:
        row = {
            "at": move.at,
            "event": move.event.value,
            "target": move.target.value,
            "redemption_id": move.redemption_id,
        }
        await conn.execute(_LINE_ADDED, [{"coupon_id": each, **row} for each in ids])


async def of_coupon(conn: AsyncConnection, coupon_id: str) -> list[CouponMove]:
    """Oldest first."""
    query = select(coupon_moves).where(coupon_moves.c.coupon_id == coupon_id)
    found = await conn.execute(query.order_by(coupon_moves.c.number))
    return [
        CouponMove(row.at, CouponEvent(row.event), CouponState(row.target), row.redemption_id)
        for row in found
    ]


_LINE_ADDED = insert(coupon_moves)
_COUNTED: Final[Mapping[str, object]] = {"moves": coupons.c.moves + 1}
_MOVED = tuple(coupons.c[name] for name in MovedCoupon._fields)
_OF_HOLD = ("id", "claim_id", "drop_id", "student")  # in the fields' order
