"""Redemptions as rows, with the frozen line shares of their coupons.

Called by the redemption flow inside its transactions. Lock order: the redemption's row first, the rows of
its coupons after it.
"""

from dataclasses import asdict, replace

from sqlalchemy import Column, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract_json import order_from_json, order_to_json
from server.core.checkout.balances import with_balance
from server.core.checkout.quoting.quotes import QuotedGift, QuotedLine
from server.core.checkout.redemptions import (
    CancelledLock,
    FrozenRebate,
    RedeemedCoupon,
    Redemption,
    RedemptionState,
)
from server.ledger import deferred
from server.ledger.bulk import insert_unless_there
from server.ledger.checkout import refunds
from server.ledger.tables import cancelled_locks as cancelled_locks_table
from server.ledger.tables import coupons, redemption_coupons, redemptions
from server.ledger.together import Fields, Reading, Rows, read_together


async def find_or_insert_for_update(conn: AsyncConnection, fresh: Redemption) -> Redemption:
    """Return the order's redemption with its row locked until the transaction ends; insert `fresh` if the
    order has none.

    `fresh` is inserted without coupons; `store_lock` adds them. Two requests for one new order are
    serialized here: the second waits for the first one's insert.
    """
    added = insert_unless_there(conn.dialect, redemptions, "order_id")
    if (await conn.execute(added, _columns(fresh))).rowcount == 1:
        return fresh
    found = await find_by_order_for_update(conn, fresh.order_id)
    if found is None:  # rows are never deleted
        raise RuntimeError(f"order {fresh.order_id} cannot be stored")
    return found


async def find(conn: AsyncConnection, redemption_id: str) -> Redemption | None:
    """Return the redemption, with its coupons and refunds."""
    return await _find(conn, _BY_ID, redemption_id)


async def find_by_order(conn: AsyncConnection, order_id: str) -> Redemption | None:
    """Return the order's redemption, with its coupons and refunds."""
    return await _find(conn, _BY_ORDER, order_id)


async def find_for_update(conn: AsyncConnection, redemption_id: str) -> Redemption | None:
    """Return the redemption and lock its row until the transaction ends."""
    return await _find(conn, _BY_ID_FOR_UPDATE, redemption_id)


async def find_by_order_for_update(conn: AsyncConnection, order_id: str) -> Redemption | None:
    """Return the order's redemption and lock its row until the transaction ends."""
    return await _find(conn, _BY_ORDER_FOR_UPDATE, order_id)


async def store_lock(conn: AsyncConnection, redemption: Redemption, before: Redemption) -> None:
    """Overwrite amounts, lines and coupons of the lock `before`, under the same id, at the end of the
    transaction.

    If `before` was cancelled, its version and amount are kept in `cancelled_locks`.
    """
    if before.state is RedemptionState.CANCELLED:
        await _keep_cancelled(conn, before)
    await _change_later(conn, redemption.id, **_columns(redemption))
    if before.coupons:
        await conn.execute(
            delete(redemption_coupons).where(redemption_coupons.c.redemption_id == redemption.id)
        )
    for position, coupon in enumerate(redemption.coupons):
        row: dict[str, object] = {
            "redemption_id": redemption.id,
            "coupon_id": coupon.coupon_id,
            "position": position,
            "discount": coupon.discount,
            "shares": dict(coupon.line_shares),
        }
        await deferred.later(conn, _COUPON_ADDED.values(row))


async def cancelled_locks(conn: AsyncConnection, redemption_id: str) -> tuple[CancelledLock, ...]:
    """Return cancelled locks of an order that was locked again, oldest first."""
    table = cancelled_locks_table
    columns = (table.c.version, table.c.cancelled_at, table.c.payable)
    query = select(*columns).where(table.c.redemption_id == redemption_id)
    found = await conn.execute(query.order_by(table.c.version))
    return tuple(CancelledLock(*row) for row in found)


async def _keep_cancelled(conn: AsyncConnection, cancelled: Redemption) -> None:
    await conn.execute(
        insert(cancelled_locks_table).values(
            redemption_id=cancelled.id,
            version=cancelled.version,
            cancelled_at=cancelled.updated_at,
            payable=cancelled.payable,
        )
    )


async def store_payment(conn: AsyncConnection, paid: Redemption) -> None:
    """Write state, reference and time of the payment, at the end of the transaction."""
    names = ("payment_ref", "paid_at", "updated_at")
    columns = {name: getattr(paid, name) for name in names}
    await _change_later(conn, paid.id, state=paid.state.value, **columns)


async def store_end(
    conn: AsyncConnection, redemption_id: str, state: RedemptionState, now: int
) -> None:
    """Write that the redemption is cancelled or expired, at the end of the transaction."""
    await _change_later(conn, redemption_id, state=state.value, updated_at=now)


async def _change_later(conn: AsyncConnection, redemption_id: str, **columns: object) -> None:
    """Change the row, which the caller has locked."""
    changed = update(redemptions).where(redemptions.c.id == redemption_id)
    await deferred.later(conn, changed.values(columns))


async def overdue(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return ids of locks whose time is over, longest overdue first."""
    return list(
        await conn.scalars(
            select(redemptions.c.id)
            .where(redemptions.c.state == RedemptionState.LOCKED, redemptions.c.expires_at <= now)
            .order_by(redemptions.c.expires_at)
            .limit(limit)
        )
    )


async def _find(
    conn: AsyncConnection, readings: tuple[Reading, ...], name: str
) -> Redemption | None:
    for _ in range(2):
        rows, lines, version = await read_together(conn, readings, {"of": name})
        if not rows:
            return None
        if rows[0]["version"] == version:
            break
        # Another lock of the order was waited for, and the coupons are those before it. They stay now.
    redemption = _redemption(rows[0], lines)
    if redemption.state is RedemptionState.REDEEMED:  # only a paid order has refunds
        made = await refunds.of_redemption(conn, redemption.id)
        complete = with_balance(made, redemption.paid_lines, redemption.balance_shares)
        return replace(redemption, refunds=tuple(complete))
    return redemption


def _coupon_lines(rows: Rows) -> tuple[RedeemedCoupon, ...]:
    return tuple(
        RedeemedCoupon(row["coupon_id"], row["code"], row["discount"], row["shares"])
        for row in rows
    )


def _redemption(row: Fields, of_it: tuple[RedeemedCoupon, ...]) -> Redemption:
    return Redemption(
        **{name: row[name] for name in _PLAIN},
        state=RedemptionState(row["state"]),
        order=order_from_json(row["order"]),
        lines=tuple(QuotedLine(**line) for line in row["lines"]),
        coupons=of_it,
        gifts=tuple(QuotedGift(**gift) for gift in row["gifts"]),
        rebates=tuple(FrozenRebate(**rebate) for rebate in row["rebates"]),
    )


def _columns(redemption: Redemption) -> dict[str, object]:
    return {
        **{name: getattr(redemption, name) for name in _PLAIN},
        "state": redemption.state.value,
        "currency": redemption.order.currency,
        "order": order_to_json(redemption.order),
        "subtotal": redemption.order.subtotal,
        "lines": [asdict(line) for line in redemption.lines],
        "gifts": [asdict(gift) for gift in redemption.gifts],
        "rebates": [asdict(rebate) for rebate in redemption.rebates],
    }


# Built once: every payment uses them, and building one takes longer than running it.
def _readings(key: Column[str]) -> tuple[Reading, Reading, Reading]:
    """Return what makes a redemption, found by this column: its row, its coupons, and their version."""
    is_it = key == bindparam("of")
    lines = (
        select(redemption_coupons, coupons.c.code)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .join(redemptions, redemptions.c.id == redemption_coupons.c.redemption_id)
        .where(is_it)
        .order_by(redemption_coupons.c.position)
    )
    version = select(redemptions.c.version).where(is_it)
    return (
        Reading(select(redemptions).where(is_it), list),
        Reading(lines, _coupon_lines),
        Reading(version, lambda rows: rows[0]["version"] if rows else None),
    )


def _for_update(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    row, *others = readings
    return (Reading(row.query.with_for_update(), row.result), *others)


_BY_ID, _BY_ORDER = _readings(redemptions.c.id), _readings(redemptions.c.order_id)
_BY_ID_FOR_UPDATE, _BY_ORDER_FOR_UPDATE = _for_update(_BY_ID), _for_update(_BY_ORDER)
_COUPON_ADDED = insert(redemption_coupons)

# Columns that are fields under the same name.
_PLAIN = (
    *("id", "order_id", "student", "discount", "payable", "expires_at"),
    *("created_at", "updated_at", "payment_ref", "paid_at", "balance", "balance_shares", "version"),
    "metadata",
)
