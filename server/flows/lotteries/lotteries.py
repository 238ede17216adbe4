"""Make lotteries, pause, resume and end them, and show them with their odds.

Called by the API. Spins are in draw_spins.py. Prizes, odds and chances of a lottery are never changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from server.core.acts import Action
from server.core.audiences.student_events import day_of
from server.core.event_types import Event, EventType
from server.core.ids import BatchId
from server.core.lotteries.lotteries import (
    Lottery,
    LotteryForm,
    LotteryState,
    lottery_violations,
    stock_short,
    window_violations,
)
from server.core.lotteries.spins import PrizesLeft, UsedChances, wins_after
from server.core.promotions.batches import Batch
from server.core.promotions.templates import Template
from server.core.refusals import Code, Refused
from server.core.violations import refused
from server.flows.abort import Abort, abort_if, returns_refusal
from server.flows.idempotency import find_previous_result
from server.flows.lotteries.days import commit_days
from server.flows.stores import batch_and_template
from server.ids import new_id
from server.ledger import acts, event_log
from server.ledger.engine import Ledger
from server.ledger.idempotency import IdempotencyKey
from server.ledger.lotteries import days as day_rows
from server.ledger.lotteries import lotteries as rows
from server.ledger.lotteries import spins as spin_rows
from server.ledger.lotteries.days import SeedOfDay
from server.ledger.lotteries.lotteries import PrizesWon
from server.ledger.promotions import batches

KEPT_MS: Final = 400 * 86_400_000
_ROUNDS: Final = 20


@returns_refusal
async def make_lottery(
    ledger: Ledger,
    actor: str,
    form: LotteryForm,
    zone: tzinfo,
    now: int,
    key: IdempotencyKey | None = None,
) -> Lottery | Refused:
    """Make a lottery; students may spin as soon as its window is open. `invalid_field`; `stock_short` where a
    batch has less than its prizes may give.
    """
    lottery = Lottery(new_id("lot"), LotteryState.ACTIVE, form, actor, now)
    async with ledger.begin() as conn:
        earlier = await find_previous_result(conn, key, lottery.id, now)
        if earlier is not None:
            return await rows.find(conn, earlier) or Refused(Code.NOT_FOUND)
        known = await _known(conn, form)
        broken = [*lottery_violations(form, known)]
        abort_if(refused(broken) if broken else None)
        left = stock_short(form, known)
        abort_if(
            None if left is None else Refused(Code.STOCK_SHORT, facts={"available": max(0, left)})
        )
        await rows.insert_lottery(conn, lottery)
        await commit_days(conn, zone, now)
        of = list(form.batches)
        await acts.write_act(conn, actor, Action.LOTTERY_MADE, lottery.id, now, batches=of)
        await _record(conn, lottery, "made", now)
    return lottery


async def _known(conn: AsyncConnection, form: LotteryForm) -> dict[BatchId, Batch]:
    found = {batch_id: await batches.find(conn, batch_id) for batch_id in form.batches}
    return {batch_id: batch for batch_id, batch in found.items() if batch is not None}


@returns_refusal
async def change_lottery(  # noqa: PLR0913 - what an operator sends
    ledger: Ledger,
    actor: str,
    lottery_id: str,
    state: LotteryState | None,
    changes: Mapping[str, Any],
    now: int,
    *,
    reason: str = "",
) -> Lottery | Refused:
    """Pause, resume or end a lottery, or change its name, legal text or the end of its window. Repeatable.
    The act keeps the `reason`, where there is one.

    Refuses with `invalid_field`, `not_found`, and `wrong_state` where it has ended.
    """
    async with ledger.begin() as conn:
        found = await rows.find_for_update(conn, lottery_id)
        if found is None:
            raise Abort(Refused(Code.NOT_FOUND))
        changed = replace(
            found, state=state or found.state, form=replace(found.form, **dict(changes))
        )
        if changed == found:
            return found
        if found.state is LotteryState.ENDED:
            raise Abort(Refused(Code.WRONG_STATE, "the lottery has ended", {"state": "ended"}))
        broken = [*window_violations(changed.form)]
        abort_if(refused(broken) if broken else None)
        await rows.store(conn, changed, now)
        what: dict[str, object] = {"state": changed.state.value, "fields": sorted(changes)}
        what |= {"reason": reason} if reason else {}
        await acts.write_act(conn, actor, Action.LOTTERY_CHANGED, lottery_id, now, **what)
        await _record(conn, changed, "changed", now)
    return changed


async def end_over(ledger: Ledger, now: int) -> None:
    """End the lotteries whose window is over, and delete, in pieces, the spins of those that ended 400 days
    ago. Repeatable.
    """
    async with ledger.read() as conn:
        over = await rows.over(conn, now, 50)
    for lottery_id in over:
        async with ledger.begin() as conn:
            found = await rows.find_for_update(conn, lottery_id)
            if found is None or found.state is LotteryState.ENDED or not _is_over(found, now):
                continue
            ended = replace(found, state=LotteryState.ENDED)
            await rows.store(conn, ended, now)
            await _record(conn, ended, "window_over", now)


def _is_over(lottery: Lottery, now: int) -> bool:
    return lottery.form.until_at is not None and lottery.form.until_at <= now


async def delete_old(ledger: Ledger, now: int) -> None:
    """Delete, in pieces, the spins of lotteries that ended 400 days ago."""
    for _ in range(_ROUNDS):
        async with ledger.begin() as conn:
            if not await spin_rows.delete_old(conn, now - KEPT_MS):
                return


async def _record(conn: AsyncConnection, lottery: Lottery, reason: str, now: int) -> None:
    told = {"name": lottery.form.name, "state": lottery.state.value, "reason": reason}
    await event_log.record(conn, [Event(EventType.LOTTERY_CHANGED, now, lottery.id, told)])


@dataclass(frozen=True, slots=True)
class ShownLottery:
    """A lottery with what its page says: the template of each prize (None: nothing is won), which prizes are
    left, what was won, the seeds of today and tomorrow, and what one student has used.
    """

    lottery: Lottery
    templates: tuple[Template | None, ...]
    is_left: tuple[bool, ...]
    won: PrizesWon
    days: tuple[SeedOfDay, ...]
    used: UsedChances

    @property
    def id(self) -> str:
        """The cursor of a page."""
        return self.lottery.id


@returns_refusal
async def show_lottery(
    ledger: Ledger, lottery_id: str, student: str | None, zone: tzinfo, now: int
) -> ShownLottery | Refused:
    """Return the lottery as it is shown, to this student where one is named; not_found."""
    async with ledger.read() as conn:
        lottery = await rows.find(conn, lottery_id)
        if lottery is None:
            return Refused(Code.NOT_FOUND)
        return await _shown(conn, lottery, student, zone, now)


async def list_lotteries(
    ledger: Ledger,
    state: LotteryState | None,
    after: str | None,
    limit: int,
    zone: tzinfo,
    now: int,
) -> list[ShownLottery]:
    """Return a page of lotteries, newest first, from behind `after`."""
    async with ledger.read() as conn:
        found = await rows.page(conn, limit, after, state)
        return [await _shown(conn, one, None, zone, now) for one in found]


async def _shown(
    conn: AsyncConnection, lottery: Lottery, student: str | None, zone: tzinfo, now: int
) -> ShownLottery:
    form, today = lottery.form, day_of(now, zone)
    won = await rows.prizes_won(conn, lottery.id, today)
    facts = {one: await batch_and_template(conn, one) for one in form.batches}
    left = PrizesLeft(form, won.ever, won.today)
    of_batch = [None if one.batch_id is None else facts[one.batch_id] for one in form.prizes]
    found = await day_rows.of_days(conn, [today, today + 1])
    after = wins_after(form.win_limit, today)
    asking = [] if student is None else [student]
    used = await spin_rows.used_by(conn, lottery.id, asking, today, after) if asking else {}
    return ShownLottery(
        lottery=lottery,
        templates=tuple(None if fact is None else fact[1] for fact in of_batch),
        is_left=tuple(
            fact is None or (left.is_left(place) and fact[0].remaining != 0)
            for place, fact in enumerate(of_batch)
        ),
        won=won,
        days=tuple(found.values()),
        used=used.get(student or "", UsedChances()),
    )
