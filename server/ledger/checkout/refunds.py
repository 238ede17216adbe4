"""Refunds as rows, numbered within their order, and the counters of the order's lines.

Called by the refund flow inside its transaction, which has locked the redemption's row. The CHECKs of the
counters refuse to refund more than was paid (promise I7). Amounts are in minor units.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.checkout.paid_orders import PaidLine
from server.core.checkout.refunds import Refund, RefundedLine, RequestedLine
from server.ledger.bulk import insert_into
from server.ledger.tables import refunded_lines, refunds


async def of_redemption(conn: AsyncConnection, redemption_id: str) -> tuple[Refund, ...]:
    """Return the order's refunds, oldest first."""
    query = (
        select(refunds).where(refunds.c.redemption_id == redemption_id).order_by(refunds.c.number)
    )
    return tuple(_refund(row) for row in (await conn.execute(query)).mappings())


async def with_counters(
    conn: AsyncConnection, redemption_id: str, lines: Sequence[PaidLine]
) -> tuple[PaidLine, ...]:
    """Return these lines with what was refunded and returned of them so far."""
    found = await conn.execute(
        select(
            refunded_lines.c.line_id, refunded_lines.c.refunded, refunded_lines.c.returned
        ).where(refunded_lines.c.redemption_id == redemption_id)
    )
    counted = {row[0]: (row[1], row[2]) for row in found}
    return tuple(
        replace(line, refunded=counted[line.id][0], returned=counted[line.id][1])
        if line.id in counted
        else line
        for line in lines
    )


async def write(
    conn: AsyncConnection, redemption_id: str, number: int, refund: Refund, payable: int
) -> None:
    """Insert the refund. IntegrityError: the number or the id exists already, or more is refunded than was
    paid.
    """
    await conn.execute(
        insert(refunds).values(
            redemption_id=redemption_id,
            number=number,
            asked=[asdict(line) for line in refund.requested],
            lines=[asdict(line) for line in refund.lines],
            coupons=[_coupon_to_json(refund, code, state) for code, state in refund.coupons],
            payable=payable,
            **{name: getattr(refund, name) for name in _PLAIN},
        )
    )


async def count(
    conn: AsyncConnection, redemption_id: str, line: PaidLine, part: RefundedLine
) -> bool:
    """Add to the line's counters what the part refunds. `line` has the values from before.

    False: another transaction has changed the counters since.
    """
    row = {"redemption_id": redemption_id, "line_id": line.id, "refunded": 0, "returned": 0}
    fresh = insert_into(conn.dialect, refunded_lines).values(
        **row, payable=line.payable, quantity=line.quantity
    )
    await conn.execute(fresh.on_conflict_do_nothing())
    moved = await conn.execute(
        update(refunded_lines)
        .where(
            refunded_lines.c.redemption_id == redemption_id,
            refunded_lines.c.line_id == line.id,
            refunded_lines.c.refunded == line.refunded,
            refunded_lines.c.returned == line.returned,
        )
        .values(refunded=line.refunded + part.refunded, returned=line.returned + part.quantity)
    )
    return moved.rowcount == 1


def _refund(row: RowMapping) -> Refund:
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Refund(
        **plain,
        requested=tuple(RequestedLine(**line) for line in row["asked"]),
        lines=tuple(RefundedLine(**line) for line in row["lines"]),
        coupons=tuple((each[0], each[1]) for each in row["coupons"]),
        no_room=tuple(each[0] for each in row["coupons"] if each[2:] == [_NO_ROOM]),
    )


def _coupon_to_json(refund: Refund, code: str, state: str) -> list[str]:
    """Return code and state, and a third word if the coupon could not be given back for want of budget."""
    return [code, state, _NO_ROOM] if code in refund.no_room else [code, state]


_NO_ROOM: Final = "no_room"


# Columns that are fields under the same name.
_PLAIN: Final = ("refund_id", "refunded", "charged_back", "total", "created_at", "metadata")
