"""Draw spins: decide, in one transaction, what requests get.

Called by spin_queue.py with the requests that one process has for a lottery. The transaction locks the
lottery, answers requests that have a spin already, and writes the others: number, prize, the count of what is
won, and an issuance for the winners of each batch. From here on a spin has its number for ever; one that wins
nothing has its outcome too. settle_spins.py has what follows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.audiences.student_events import day_of
from server.core.ids import StudentId
from server.core.lotteries.draw import number_of, place_of
from server.core.lotteries.lotteries import Lottery
from server.core.lotteries.spins import (
    KEPT_REFUSALS,
    PrizesLeft,
    Spin,
    SpinOutcome,
    UsedChances,
    spin_refusal,
    wins_after,
)
from server.core.promotions.stops import EVERYTHING
from server.flows.coupons.issuing.drive_issuances import IssueParts
from server.flows.lotteries.days import commit_days
from server.flows.lotteries.winnings import Winning, issue_prizes, record_outcomes
from server.ids import new_ids
from server.ledger.lotteries import days, lotteries, spins
from server.ledger.lotteries.days import SeedOfDay
from server.ledger.promotions import batches, stops


@dataclass(frozen=True, slots=True)
class SpinRequest:
    """A student's wish to spin; the same `request_id` gets the same spin."""

    student: StudentId
    request_id: str


@dataclass(slots=True)
class _Group:
    """Spins that are drawn in one transaction."""

    lottery: Lottery
    seed: SeedOfDay
    left: PrizesLeft
    now: int
    is_stopped: bool
    drawn: list[Spin] = field(default_factory=list)
    unkept: list[Spin] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The spin of each request, and the issuances that are on their way now."""

    spins: Mapping[tuple[str, str], Spin]
    winnings: Sequence[Winning]


async def draw(
    parts: IssueParts, lottery_id: str, requests: Collection[SpinRequest]
) -> Drawn | None:
    """Draw these requests; None: there is no such lottery. LedgerUnavailableError: nothing was written."""
    now = parts.clock()
    keys = list(dict.fromkeys((one.student, one.request_id) for one in requests))
    async with parts.ledger.begin() as conn:
        lottery = await lotteries.find_for_update(conn, lottery_id)
        if lottery is None:
            return None
        known = await spins.by_requests(conn, lottery_id, keys)
        fresh = [key for key in keys if key not in known]
        if not fresh:
            return Drawn(known, ())
        group = await _group(conn, parts, lottery, now)
        students = {student for student, _ in fresh}
        today = group.seed.day
        after = wins_after(lottery.form.win_limit, today)
        used = await spins.used_by(conn, lottery_id, students, today, after)
        for id_, key in zip(new_ids("spn", len(fresh)), fresh, strict=True):
            _draw_one(group, used.setdefault(key[0], UsedChances()), id_, key)
        winnings = await _issue(conn, group)
        await lotteries.count_won(conn, lottery, group.seed.day, group.left.changes)
        await spins.insert_spins(conn, group.drawn)
        await record_outcomes(conn, group.drawn, now)
    made: dict[tuple[str, str], Spin] = {
        (one.student, one.request_id): one for one in (*group.drawn, *group.unkept)
    }
    return Drawn({**known, **made}, winnings)


async def _group(conn: AsyncConnection, parts: IssueParts, lottery: Lottery, now: int) -> _Group:
    today = day_of(now, parts.zone)
    seeds = await days.of_days(conn, [today])
    if today not in seeds:
        seeds = await commit_days(conn, parts.zone, now)
    won = await lotteries.prizes_won(conn, lottery.id, today)
    seed, left = seeds[today], PrizesLeft(lottery.form, won.ever, won.today)
    is_stopped = seed.published_at is not None or await _is_stopped(conn, lottery)
    return _Group(lottery, seed, left, now, is_stopped)


async def _is_stopped(conn: AsyncConnection, lottery: Lottery) -> bool:
    """Return whether claims of one of its batches are stopped: its odds would not be those published."""
    _, stopped = await stops.stopped_claims(conn)
    if not stopped:
        return False
    names = {EVERYTHING, *lottery.form.batches}
    for batch_id in lottery.form.batches:
        batch = await batches.find(conn, batch_id)
        names |= {batch.campaign_id} if batch is not None and batch.campaign_id else set()
    return not names.isdisjoint(stopped)


def _draw_one(group: _Group, used: UsedChances, id_: str, key: tuple[str, str]) -> None:
    lottery, seed = group.lottery, group.seed
    spin = Spin(
        id=id_,
        lottery_id=lottery.id,
        student=StudentId(key[0]),
        request_id=key[1],
        day=seed.day,
        at=group.now,
    )
    refusal = SpinOutcome.NOT_OPEN if group.is_stopped else spin_refusal(lottery, used, group.now)
    if refusal is not None:
        kept = group.drawn if used.refusals < KEPT_REFUSALS else group.unkept
        kept.append(replace(spin, outcome=refusal))
        used.refusals += 1
        return
    used.spins += 1
    used.today += 1
    number = number_of(seed.seed, lottery.id, spin.student, used.spins)
    drawn = place_of([prize.ppm for prize in lottery.form.prizes], number)
    place = group.left.take_drawn(drawn)
    used.wins += place is not None
    outcome = SpinOutcome.NOTHING if place is None else None
    group.drawn.append(
        replace(spin, n=used.spins, number=number, drawn=drawn, place=place, outcome=outcome)
    )


async def _issue(conn: AsyncConnection, group: _Group) -> list[Winning]:
    """Make the issuances of the spins that win, and write their ids into `group.drawn`."""
    winners = [one for one in group.drawn if one.place is not None]
    named, winnings = await issue_prizes(conn, group.lottery, winners, group.now)
    group.drawn[:] = [named.get(one.id, one) for one in group.drawn]
    return winnings
