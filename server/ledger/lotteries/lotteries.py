"""Lotteries as rows, and what was won of their prizes.

Called by the flows of lotteries inside their transactions. Whoever writes a spin has locked the lottery's
row: one transaction at a time draws of a lottery.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.ids import BatchId
from server.core.lotteries.lotteries import (
    Chances,
    EmptyPolicy,
    Face,
    Lottery,
    LotteryForm,
    LotteryState,
    Prize,
    WinLimit,
)
from server.ledger.bulk import insert_into
from server.ledger.tables import lotteries, lottery_prize_days, lottery_prizes

_L, _P, _D = lotteries.c, lottery_prizes.c, lottery_prize_days.c


async def insert_lottery(conn: AsyncConnection, lottery: Lottery) -> None:
    row = {
        "id": lottery.id,
        "state": lottery.state.value,
        "form": asdict(lottery.form),
        "until_at": lottery.form.until_at,
        "created_by": lottery.created_by,
        "created_at": lottery.created_at,
    }
    await conn.execute(insert(lotteries).values(row))
    prizes = [
        {"lottery_id": lottery.id, "place": place, "quantity": prize.quantity}
        for place, prize in enumerate(lottery.form.prizes)
        if prize.batch_id is not None
    ]
    await conn.execute(insert(lottery_prizes), prizes)


async def store(conn: AsyncConnection, lottery: Lottery, now: int) -> None:
    """Write the state and the form. The caller has locked the row."""
    is_ended = lottery.state is LotteryState.ENDED
    row = {
        "state": lottery.state.value,
        "form": asdict(lottery.form),
        "until_at": lottery.form.until_at,
        "ended_at": now if is_ended else None,
    }
    await conn.execute(update(lotteries).where(_L.id == lottery.id).values(row))


async def find(conn: AsyncConnection, lottery_id: str) -> Lottery | None:
    row = (await conn.execute(select(lotteries).where(_L.id == lottery_id))).mappings().first()
    return _lottery(row) if row else None


async def find_for_update(conn: AsyncConnection, lottery_id: str) -> Lottery | None:
    """Return the lottery and lock its row until the transaction ends."""
    query = select(lotteries).where(_L.id == lottery_id).with_for_update()
    row = (await conn.execute(query)).mappings().first()
    return _lottery(row) if row else None


async def page(
    conn: AsyncConnection, limit: int, after: str | None, state: LotteryState | None = None
) -> list[Lottery]:
    """Return a page, newest first, that begins after the lottery `after`; those of the state, if given."""
    query = select(lotteries).order_by(_L.id.desc()).limit(limit)
    if after is not None:
        query = query.where(_L.id < after)
    if state is not None:
        query = query.where(_L.state == state.value)
    return [_lottery(row) for row in (await conn.execute(query)).mappings()]


async def is_any_open(conn: AsyncConnection, now: int) -> bool:
    """Return whether there is a lottery that has not ended."""
    is_open = (_L.state != LotteryState.ENDED.value) & or_(_L.until_at.is_(None), _L.until_at > now)
    return bool(await conn.scalar(select(exists().where(is_open))))


async def over(conn: AsyncConnection, now: int, limit: int) -> list[str]:
    """Return lotteries whose window is over and that have not ended."""
    is_over = (_L.state != LotteryState.ENDED.value) & (_L.until_at <= now)
    return list(await conn.scalars(select(_L.id).where(is_over).order_by(_L.id).limit(limit)))


class PrizesWon(NamedTuple):
    """Numbers of wins by the place of the prize, ever and on one day."""

    ever: dict[int, int]
    today: dict[int, int]


async def prizes_won(conn: AsyncConnection, lottery_id: str, day: int) -> PrizesWon:
    ever = await conn.execute(select(_P.place, _P.won).where(_P.lottery_id == lottery_id))
    query = select(_D.place, _D.won).where(_D.lottery_id == lottery_id, _D.day == day)
    today = await conn.execute(query)
    return PrizesWon({row[0]: row[1] for row in ever}, {row[0]: row[1] for row in today})


async def count_won(
    conn: AsyncConnection, lottery: Lottery, day: int, changes: Mapping[int, int]
) -> None:
    """Count what is won more (or less) of the prize at each place, on that day. IntegrityError beyond what
    the prize has.
    """
    for place, more in sorted(changes.items()):
        if not more:
            continue
        mine = (_P.lottery_id == lottery.id) & (_P.place == place)
        await conn.execute(update(lottery_prizes).where(mine).values(won=_P.won + more))
        key = {"lottery_id": lottery.id, "place": place, "day": day}
        per_day = lottery.form.prizes[place].per_day
        row = insert_into(conn.dialect, lottery_prize_days).values(**key, per_day=per_day, won=0)
        await conn.execute(row.on_conflict_do_nothing())
        of_day = (_D.lottery_id == lottery.id) & (_D.place == place) & (_D.day == day)
        await conn.execute(update(lottery_prize_days).where(of_day).values(won=_D.won + more))


def _lottery(row: RowMapping) -> Lottery:
    return Lottery(
        id=row["id"],
        state=LotteryState(row["state"]),
        form=_form(row["form"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def _form(fields: Mapping[str, Any]) -> LotteryForm:
    changed = {
        "prizes": tuple(_prize(one) for one in fields["prizes"]),
        "chances": Chances(**fields["chances"]),
        "win_limit": _win_limit(fields.get("win_limit")),
        "face": Face(fields["face"]),
        "empty_policy": EmptyPolicy(fields["empty_policy"]),
    }
    return LotteryForm(**{**fields, **changed})


def _win_limit(fields: Mapping[str, Any] | None) -> WinLimit | None:
    return None if fields is None else WinLimit(**fields)


def _prize(fields: Mapping[str, Any]) -> Prize:
    batch_id = fields["batch_id"]
    return Prize(**{**fields, "batch_id": None if batch_id is None else BatchId(batch_id)})
