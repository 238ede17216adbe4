"""The moves of a coupon from state to state. Each is one conditional UPDATE, and a row in the history.

Called by flows inside their transactions. Of two transactions that want the same coupon, the second finds it
in another state. core/coupons/coupon_states.py says which moves exist. Lock order: a transaction that moves
several coupons locks their rows first (coupons.lock_rows_for_update). Being claimed is no move: the claim has
that time.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Insert,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from server.core.coupons import coupon_events
from server.core.coupons.coupon_events import ChangedCoupon
from server.core.coupons.coupon_states import CouponEvent, CouponMove, state_after
from server.core.coupons.coupons import LEAST_HOLD_AFTER_LOCK_MS, CouponState
from server.core.event_types import Event
from server.core.ids import ClaimId, CouponId, DropId, StudentId
from server.ledger import deferred, event_log
from server.ledger.bulk import among, is_among, many
from server.ledger.engine import notify_on_commit
from server.ledger.tables import coupon_moves, coupons


class MovedCoupon(NamedTuple):
    """The fields of a coupon that was just moved which callers need.

    `hold_until` is the new one. `budget` is the status of its part of the campaign's budget, None without
    one.
    """

    id: CouponId
    template_id: str
    template_version: int
    student: StudentId | None
    drop_id: DropId | None
    claim_id: ClaimId | None
    hold_until: int | None
    budget: str | None
    code: str
    batch_id: str
    source: str


async def lock(conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int) -> None:
    """Lock usable coupons for the redemption. The caller has locked their rows and found them usable.

    Deferred writes go along. Raises RuntimeError if one is not usable: the transaction must not go on.
    """
    change = _Change(_S.USABLE, _E.LOCKED, now, {"redemption_id": redemption_id})
    await _write_history(conn, list(ids), change.line)
    statement, parameters = _moving_ids(conn, change, ids)
    moved = (await deferred.execute_with_deferred(conn, statement, parameters)).all()
    if len(moved) != len(ids):
        raise RuntimeError(
            f"{len(ids) - len(moved)} coupons are not usable though their rows are locked"
        )
    notify_on_commit(conn, ids)


async def unlock(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Make coupons that this redemption locks usable again, with at least a minute left of their hold."""
    least = now + LEAST_HOLD_AFTER_LOCK_MS
    columns = {
        "redemption_id": None,
        # NULL stays NULL: `NULL < least` is not true in SQL.
        "hold_until": case((coupons.c.hold_until < least, least), else_=coupons.c.hold_until),
    }
    change = _Change(_S.LOCKED, _E.FREED, now, columns)
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


async def keep(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Void coupons that this redemption locks, because it is cancelled and their template keeps them."""
    change = _Change(_S.LOCKED, _E.KEPT, now, {"redemption_id": None})
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


async def redeem(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Redeem coupons that this redemption locks."""
    change = _Change(_S.LOCKED, _E.PAID, now, {"redeemed_at": now})
    return await _move_ids(conn, change, ids, redemption_id)


async def redeem_late(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Redeem usable coupons whose lock by this redemption had ended before the payment came."""
    columns = {"redemption_id": redemption_id, "redeemed_at": now}
    change = _Change(_S.USABLE, _E.PAID_LATE, now, columns)
    return await _move(conn, change, is_among(conn, coupons.c.id, ids))


async def give_back(
    conn: AsyncConnection, ids: Collection[str], redemption_id: str, now: int
) -> list[MovedCoupon]:
    """Make coupons that this redemption used usable again, after a refund.

    Their hold is removed: it limited the time to the first use. `redeemed_at` stays, because it counts what
    was ever redeemed.
    """
    # `expiry_told_at`: of its next expiry the school has not heard.
    columns = {"redemption_id": None, "hold_until": None, "expiry_told_at": None}
    change = _Change(_S.REDEEMED, _E.GIVEN_BACK, now, columns)
    return await _move(conn, change, _is_on(conn, ids, redemption_id))


@dataclass(frozen=True, slots=True)
class Hold:
    """A claimed coupon whose hold has ended, or just ended."""

    coupon_id: CouponId
    claim_id: ClaimId
    drop_id: DropId
    student: StudentId


async def release(conn: AsyncConnection, ids: Collection[str], now: int) -> list[Hold]:
    """Release those of these coupons that are usable and whose hold is over; return them.

    Their units may then go to other students. Skips rows that a checkout has locked: the next round finds
    them again if they are not used.
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
    """Void a code, so that nobody can bind it. False: it is bound, or voided already."""
    nobodys = and_(coupons.c.id == coupon_id, coupons.c.student.is_(None))
    return bool(await _move(conn, _Change(_S.USABLE, _E.VOIDED, now), nobodys))


async def void(conn: AsyncConnection, coupon_id: str, now: int) -> bool:
    """Void a coupon that is on no order, whoever has it. False: it is in another state by now."""
    change = _Change(_S.USABLE, _E.VOIDED, now)
    return bool(await _move(conn, change, coupons.c.id == coupon_id))


async def take_back(conn: AsyncConnection, ids: Collection[str], now: int) -> list[MovedCoupon]:
    """Revoke those of these issued coupons that are not on an order and not used; return them.

    Skips rows that a checkout has locked: their students are using them.
    """
    free = select(coupons.c.id).where(
        is_among(conn, coupons.c.id, ids), coupons.c.state == CouponState.USABLE
    )
    free = free.order_by(coupons.c.id).with_for_update(skip_locked=True)
    unused = coupons.c.id.in_(list(await conn.scalars(free)))
    return await _move(conn, _Change(_S.USABLE, _E.TAKEN_BACK, now), unused)


async def overdue_holds(conn: AsyncConnection, now: int, limit: int) -> list[Hold]:
    """Return usable coupons whose hold is over, longest overdue first."""
    # A literal and not a parameter: else PostgreSQL does not use the partial index on hold_until.
    usable = literal(CouponState.USABLE.value, literal_execute=True)
    found = await conn.execute(
        select(*(coupons.c[name] for name in _OF_HOLD))
        .where(
            coupons.c.state == usable,
            coupons.c.hold_until <= now,
            coupons.c.claim_id.is_not(None),  # a coupon without a claim has no unit
        )
        .order_by(coupons.c.hold_until)
        .limit(limit)
    )
    return [Hold(*row) for row in found]


def _is_on(conn: AsyncConnection, ids: Collection[str], redemption_id: str) -> ColumnElement[bool]:
    return and_(is_among(conn, coupons.c.id, ids), coupons.c.redemption_id == redemption_id)


_S, _E = CouponState, CouponEvent
# Moves that open pages must get. Ended holds are published as losses of a claim instead.
_PUBLISHED_EVENTS: Final = frozenset(
    {_E.LOCKED, _E.FREED, _E.KEPT, _E.PAID, _E.PAID_LATE, _E.GIVEN_BACK, _E.TAKEN_BACK, _E.VOIDED}
)


class _Change(NamedTuple):
    """A move: from the stored state, by the event, at `now` (ms). `columns` are further columns it writes."""

    stored: CouponState
    event: CouponEvent
    now: int
    columns: Mapping[str, object] = {}

    @property
    def target(self) -> CouponState:
        return state_after(self.stored, self.event)

    @property
    def line(self) -> CouponMove:
        """The move as the history of the coupon has it."""
        order = self.columns.get("redemption_id")
        return CouponMove(
            self.now, self.event, self.target, order if isinstance(order, str) else None
        )

    @property
    def written(self) -> Mapping[str, object]:
        """The columns that the row gets besides its state and its count of moves."""
        if self.event not in _PUBLISHED_EVENTS:
            return self.columns
        return {**self.columns, "untold_since": self.now}


async def _move(
    conn: AsyncConnection, change: _Change, where: ColumnElement[bool]
) -> list[MovedCoupon]:
    """Move the coupons of `where` that are in the stored state; return them."""
    moving = update(coupons).where(where, coupons.c.state == change.stored)
    moving = moving.values(state=change.target.value, **_COUNTED, **change.written)
    return await _write(conn, change, moving.returning(*_MOVED), None)


async def _move_ids(
    conn: AsyncConnection, change: _Change, ids: Collection[str], on: str | None = None
) -> list[MovedCoupon]:
    """Move these coupons like `_move`, with a statement that is built once; `on` names their redemption.

    Every order runs it, and building it takes longer than running it.
    """
    return await _write(conn, change, *_moving_ids(conn, change, ids, on))


def _moving_ids(
    conn: AsyncConnection, change: _Change, ids: Collection[str], on: str | None = None
) -> tuple[ReturningUpdate[*tuple[object, ...]], dict[str, object]]:
    """Return the statement of `_move_ids` and its parameters."""
    written = change.written
    statement = _moving(conn.dialect, change.stored, change.event, tuple(written), on is not None)
    parameters: dict[str, object] = {f"to_{name}": value for name, value in written.items()}
    if on is not None:
        parameters["on"] = on
    return statement, {**parameters, "ids": many(conn, ids)}


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
    parameters: Mapping[str, object] | None,
) -> list[MovedCoupon]:
    """Run the statement and write the history of each moved coupon. Every move of a coupon comes here."""
    moved = [MovedCoupon._make(row) for row in await conn.execute(statement, parameters)]
    await _write_history(conn, [one.id for one in moved], change.line)
    if coupon_events.is_told(change.event):
        await event_log.record(conn, [*_events(change, moved)])
    if change.event in _PUBLISHED_EVENTS:
        notify_on_commit(conn, [one.id for one in moved if one.student is not None])
    return moved


def _events(change: _Change, moved: Iterable[MovedCoupon]) -> Iterator[Event]:
    """Yield an event for each coupon; a code that nobody has typed is no student's, and the school has not
    heard of it."""
    for one in moved:
        if one.student is not None:
            told = ChangedCoupon(
                one.id, one.code, one.student, one.batch_id, one.drop_id, one.source
            )
            yield coupon_events.moved(told, change.event, change.target, change.now)


async def _write_history(conn: AsyncConnection, ids: Sequence[str], move: CouponMove) -> None:
    """Insert the same move for all these coupons, at the end of the transaction."""
    line = (move.at, move.event.value, move.target.value, move.redemption_id)
    rows = [(each, *line) for each in ids]
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        await deferred.insert_later(conn, _lines_on_postgresql, rows)
    else:
        await conn.execute(_LINE_ADDED, [dict(zip(_LINE, row, strict=True)) for row in rows])


def _lines_on_postgresql(rows: deferred.Rows) -> Insert:
    """Return one statement, whatever the number of rows; they keep their order."""
    lists = [
        literal(list(values), postgresql.ARRAY(coupon_moves.c[name].type))
        for name, values in zip(_LINE, zip(*rows, strict=True), strict=True)
    ]
    return _LINE_ADDED.from_select(_LINE, select(*(func.unnest(one) for one in lists)))


async def of_coupon(conn: AsyncConnection, coupon_id: str) -> list[CouponMove]:
    """Return the coupon's moves, oldest first."""
    query = select(coupon_moves).where(coupon_moves.c.coupon_id == coupon_id)
    found = await conn.execute(query.order_by(coupon_moves.c.number))
    return [
        CouponMove(row.at, CouponEvent(row.event), CouponState(row.target), row.redemption_id)
        for row in found
    ]


_LINE: Final = ("coupon_id", "at", "event", "target", "redemption_id")
_LINE_ADDED = insert(coupon_moves)
_COUNTED: Final[Mapping[str, object]] = {"moves": coupons.c.moves + 1}
_MOVED = tuple(coupons.c[name] for name in MovedCoupon._fields)
_OF_HOLD = ("id", "claim_id", "drop_id", "student")  # in the fields' order
