"""Redemptions as rows, with the frozen shares of their coupons.

Called by the redemption flow inside its transactions. Whoever changes a redemption holds its row
first and its coupons after it, always in this order.
"""

from dataclasses import asdict, replace

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.orders import order_to_json, read_order
from server.core.quotes import QuotedGift, QuotedLine
from server.core.redemptions import FrozenRebate, RedeemedCoupon, Redemption, RedemptionState
from server.ledger import refunds
from server.ledger.many_rows import insert_unless_there
from server.ledger.tables import coupons, redemption_coupons, redemptions


async def hold_for_order(conn: AsyncConnection, fresh: Redemption) -> Redemption:
    """The order's redemption, held until the transaction ends: the one there is, or else `fresh`,
    stored without coupons (see `store_lock`). Two requests for one new order queue up here.
    """
    row = insert_unless_there(conn.dialect, redemptions, "order_id").values(**_columns(fresh))
    if (await conn.execute(row)).rowcount == 1:
        return fresh
    held = await hold_by_order(conn, fresh.order_id)
    if held is None:  # rows are never deleted
        raise RuntimeError(f"order {fresh.order_id} cannot be stored")
    return held


async def find(conn: AsyncConnection, redemption_id: str) -> Redemption | None:
    return await _find(conn, redemptions.c.id == redemption_id, hold=False)


async def find_by_order(conn: AsyncConnection, order_id: str) -> Redemption | None:
    return await _find(conn, redemptions.c.order_id == order_id, hold=False)


async def hold(conn: AsyncConnection, redemption_id: str) -> Redemption | None:
    """The redemption as it is now and stays until the transaction ends but for its holder."""
    return await _find(conn, redemptions.c.id == redemption_id, hold=True)


async def hold_by_order(conn: AsyncConnection, order_id: str) -> Redemption | None:
    return await _find(conn, redemptions.c.order_id == order_id, hold=True)


async def store_lock(conn: AsyncConnection, redemption: Redemption, before: Redemption) -> None:
    """Writes amounts, lines and coupons over those of the lock before, under the same id."""
    await conn.execute(
        update(redemptions).where(redemptions.c.id == redemption.id).values(**_columns(redemption))
    )
    if before.coupons:
        await conn.execute(
            delete(redemption_coupons).where(redemption_coupons.c.redemption_id == redemption.id)
        )
    if redemption.coupons:
        await conn.execute(
            insert(redemption_coupons),
            [
                {
                    "redemption_id": redemption.id,
                    "coupon_id": coupon.coupon_id,
                    "position": position,
                    "discount": coupon.discount,
                    "shares": dict(coupon.shares),
                }
                for position, coupon in enumerate(redemption.coupons)
            ],
        )


async def store_payment(conn: AsyncConnection, paid: Redemption) -> None:
    """State, reference and date of the payment."""
    names = ("payment_ref", "paid_at", "updated_at")
    await conn.execute(
        update(redemptions)
        .where(redemptions.c.id == paid.id)
        .values(state=paid.state.value, **{name: getattr(paid, name) for name in names})
    )


async def store_end(
    conn: AsyncConnection, redemption_id: str, state: RedemptionState, now: int
) -> None:
    """Cancelled or expired."""
    await conn.execute(
        update(redemptions)
        .where(redemptions.c.id == redemption_id)
        .values(state=state.value, updated_at=now)
    )


async def overdue(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Ids of locks whose time is over, the oldest first."""
    return list(
        await conn.scalars(
            select(redemptions.c.id)
            .where(redemptions.c.state == RedemptionState.LOCKED, redemptions.c.expires_at <= now)
            .order_by(redemptions.c.expires_at)
            .limit(limit)
        )
    )


async def _find(
    conn: AsyncConnection, where: ColumnElement[bool], *, hold: bool
) -> Redemption | None:
    query = select(redemptions).where(where)
    found = await conn.execute(query.with_for_update() if hold else query)
    row = found.mappings().one_or_none()
    if row is None:
        return None
    redemption = _redemption(row, await _coupons_of(conn, row["id"]))
    if redemption.state is RedemptionState.REDEEMED:  # no other was ever paid back
        return replace(redemption, refunds=await refunds.of_redemption(conn, redemption.id))
    return redemption


async def _coupons_of(conn: AsyncConnection, redemption_id: str) -> tuple[RedeemedCoupon, ...]:
    query = (
        select(redemption_coupons, coupons.c.code)
        .join(coupons, coupons.c.id == redemption_coupons.c.coupon_id)
        .where(redemption_coupons.c.redemption_id == redemption_id)
        .order_by(redemption_coupons.c.position)
    )
    return tuple(
        RedeemedCoupon(row["coupon_id"], row["code"], row["discount"], row["shares"])
        for row in (await conn.execute(query)).mappings()
    )


def _redemption(row: RowMapping, of_it: tuple[RedeemedCoupon, ...]) -> Redemption:
    return Redemption(
        **{name: row[name] for name in _PLAIN},
        state=RedemptionState(row["state"]),
        order=read_order(row["order"]),
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


# Columns that are fields under the same name.
_PLAIN = (
    *("id", "order_id", "student", "discount", "payable", "expires_at"),
    *("created_at", "updated_at", "payment_ref", "paid_at", "balance", "balance_shares"),
)
