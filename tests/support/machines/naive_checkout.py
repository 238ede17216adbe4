"""Controls for races at the checkout: whoever looks first and takes afterwards takes too often.

Each does in two transactions what the ledger does in one conditional UPDATE; everybody has looked before
anybody takes. A race test whose harness cannot make these fail proves nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ledger.engine import Ledger
from server.ledger.tables import coupons, refunded_lines, template_uses

Look = Callable[[AsyncConnection], Awaitable[bool]]
Take = Callable[[AsyncConnection], Awaitable[object]]


async def all_look_then_all_take(ledger: Ledger, at_once: int, look: Look, take: Take) -> int:
    """Let all look, then let all take, and return how many took."""
    barrier = asyncio.Barrier(at_once)

    async def one() -> bool:
        async with ledger.read() as conn:
            may = await look(conn)
        await barrier.wait()
        if may:
            async with ledger.begin() as conn:
                await take(conn)
        return may

    return sum(await asyncio.gather(*(one() for _ in range(at_once))))


async def naive_locks(ledger: Ledger, code: str, redemption_id: str, at_once: int) -> int:
    where = coupons.c.code == code

    async def is_usable(conn: AsyncConnection) -> bool:
        return await conn.scalar(select(coupons.c.state).where(where)) == "usable"

    async def take(conn: AsyncConnection) -> object:
        row = update(coupons).where(where)
        return await conn.execute(row.values(state="locked", redemption_id=redemption_id))

    return await all_look_then_all_take(ledger, at_once, is_usable, take)


async def naive_uses(ledger: Ledger, template_id: str, limit: int, at_once: int) -> int:
    where = template_uses.c.template_id == template_id
    async with ledger.begin() as conn:
        row = {"template_id": template_id, "student": "ada", "uses": 0}
        await conn.execute(insert(template_uses).values(**row))

    async def has_room(conn: AsyncConnection) -> bool:
        return (await conn.scalar(select(template_uses.c.uses).where(where)) or 0) < limit

    async def take(conn: AsyncConnection) -> object:
        row = update(template_uses).where(where)
        return await conn.execute(row.values(uses=template_uses.c.uses + 1))

    return await all_look_then_all_take(ledger, at_once, has_room, take)


async def naive_refunds(ledger: Ledger, redemption_id: str, payable: int, at_once: int) -> int:
    """All of one line, each time."""
    where = refunded_lines.c.redemption_id == redemption_id
    row = {"redemption_id": redemption_id, "line_id": "a", "payable": payable, "quantity": 1}
    async with ledger.begin() as conn:
        await conn.execute(insert(refunded_lines).values(**row, refunded=0, returned=0))

    async def is_left(conn: AsyncConnection) -> bool:
        total = select(func.sum(refunded_lines.c.refunded)).where(where)
        return (await conn.scalar(total) or 0) < payable

    async def take(conn: AsyncConnection) -> object:
        return await conn.execute(update(refunded_lines).where(where).values(refunded=payable))

    return await all_look_then_all_take(ledger, at_once, is_left, take)
