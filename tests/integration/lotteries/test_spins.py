"""Spins on both databases: at every step where a process may die, by two processes at once, over the end of a
day, and the books of it.
"""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import Update, func, select, update

from server.core.ids import StudentId
from server.core.lotteries.lotteries import (
    Chances,
    EmptyPolicy,
    Lottery,
    LotteryForm,
    LotteryState,
    Prize,
)
from server.core.lotteries.spins import Spin, SpinOutcome
from server.core.promotions.batches import Batch
from server.core.refusals import Code, Refused
from server.core.students.erasure import pseudonym
from server.flows.consistency.checks.lottery_checks import UNDER_WAY_MS, check_lotteries
from server.flows.consistency.findings import FindingKind
from server.flows.coupons.issuing.drive_issuances import drive
from server.flows.coupons.issuing.issue import DRIVEN_MS
from server.flows.lotteries import lotteries as flows
from server.flows.lotteries import settle_spins, spin_queue
from server.flows.lotteries.days import move_days_on
from server.flows.lotteries.draw_spins import SpinRequest
from server.flows.lotteries.settle_spins import finish_left_behind
from server.flows.lotteries.spin_queue import SpinQueue
from server.ledger.coupons import coupons
from server.ledger.engine import Ledger
from server.ledger.lotteries import lotteries, spins
from server.ledger.students.erase import Names, erase_from
from server.ledger.tables import coupons as coupon_rows
from server.ledger.tables import lottery_prize_days, lottery_prizes, lottery_spins
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.issuances import UTC, assert_books, parts_of, worked
from tests.support.faults.interruptions import crash, dies, interpose, once
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

ALL = 1_000_000
ANN = StudentId("ann")
STEPS = {
    "before_the_draw_is_written": (spins, "insert_spins", "after"),
    "after_the_draw": (settle_spins, "drive", "before"),
    "before_the_coupon": (coupons, "insert_issued", "after"),
    "after_the_coupon": (settle_spins, "drive", "after"),
    "before_the_outcome": (spins, "store", "after"),
}


async def made(rig: WorkerRig, batch: Batch, **change: object) -> Lottery:
    form = LotteryForm(
        name="Wheel", prizes=(Prize(batch.id, ALL, quantity=5),), chances=Chances(10)
    )
    form = replace(form, **change)  # type: ignore[arg-type]
    return granted(await flows.make_lottery(rig.ledger, "op", form, UTC, now_ms()))


async def spun(
    rig: WorkerRig, lottery: Lottery, student: str, request_id: str, queue: SpinQueue | None = None
) -> Spin:
    request = SpinRequest(StudentId(student), request_id)
    found = await (queue or SpinQueue()).spin(parts_of(rig), lottery.id, request)
    assert isinstance(found, Spin), found
    return found


async def finished(rig: WorkerRig) -> None:
    """Let a worker finish what a dead process left."""
    await worked(rig, after_a_crash=True)
    while await finish_left_behind(parts_of(rig, DRIVEN_MS + 1)):
        await worked(rig, after_a_crash=True)


async def counted(ledger: Ledger) -> Counter[str | None]:
    async with ledger.read() as conn:
        query = select(lottery_spins.c.outcome, func.count()).group_by(lottery_spins.c.outcome)
        return Counter({row[0]: row[1] for row in await conn.execute(query)})


async def given(ledger: Ledger) -> int:
    async with ledger.read() as conn:
        return int(await conn.scalar(select(func.count()).select_from(coupon_rows)) or 0)


@pytest.mark.parametrize("step", STEPS)
async def test_a_process_dies_at_any_step_and_the_spin_has_one_outcome(
    rig: WorkerRig, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await rig.classroom.made_batch()
    lottery = await made(rig, batch)
    part, call, when = STEPS[step]
    monkeypatch.setattr(part, call, getattr(part, call))
    interpose(part, call, **{when: once(crash)})

    with dies():
        await spun(rig, lottery, ANN, "r")
    await finished(rig)
    first = await spun(rig, lottery, ANN, "r")
    again = await spun(rig, lottery, ANN, "r")

    assert first == again
    assert (first.outcome, first.n) == (SpinOutcome.WON, 1)
    assert await given(rig.ledger) == 1
    assert await check_lotteries(rig.ledger, now_ms()) == []
    await assert_books(rig, batch)


async def test_who_asks_while_the_coupon_is_on_its_way_is_told_to_ask_again(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    lottery = await made(rig, await rig.classroom.made_batch())
    monkeypatch.setattr(settle_spins, "drive", drive)
    interpose(settle_spins, "drive", before=once(crash))
    with dies():
        await spun(rig, lottery, ANN, "r")

    found = await SpinQueue().spin(parts_of(rig), lottery.id, SpinRequest(ANN, "r"))

    assert isinstance(found, Refused)
    assert found.code is Code.UNAVAILABLE
    await finished(rig)
    assert (await spun(rig, lottery, ANN, "r")).outcome is SpinOutcome.WON


async def _rush(rig: WorkerRig) -> Lottery:
    """Let 40 students spin four times each at two processes at once, for 25 coupons; return the lottery."""
    batch = await rig.classroom.made_batch(quantity=100, per_student=4)
    lottery = await made(
        rig, batch, prizes=(Prize(batch.id, ALL, quantity=25),), chances=Chances(3)
    )
    queues = SpinQueue(), SpinQueue()
    answers = await asyncio.gather(
        *(
            spun(rig, lottery, f"s{student}", f"r{n}", queues[(student + n) % 2])
            for n in range(4)
            for student in range(40)
        ),
        return_exceptions=True,
    )
    for queue in queues:
        await queue.close()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return lottery


async def test_at_once_never_more_is_won_than_there_is(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spin_queue, "AT_ONCE", 20)
    lottery = await _rush(rig)

    assert await counted(rig.ledger) == {"won": 25, "nothing": 95, "no_chance_left": 40}
    assert await given(rig.ledger) == 25
    async with rig.ledger.read() as conn:
        rows = await conn.execute(select(lottery_spins.c.student, lottery_spins.c.n))
        numbers = [(row.student, row.n) for row in rows if row.n is not None]
    assert sorted(numbers) == sorted((f"s{one}", n) for one in range(40) for n in (1, 2, 3))
    assert await check_lotteries(rig.ledger, now_ms()) == []
    assert lottery.state is LotteryState.ACTIVE


async def test_control_without_the_lock_the_database_has_to_refuse(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has one writer at a time; on PostgreSQL two transactions would draw the same numbers."""
    if rig.ledger.engine.dialect.name == "sqlite":
        return
    monkeypatch.setattr(spin_queue, "AT_ONCE", 20)
    monkeypatch.setattr(lotteries, "find_for_update", lotteries.find)
    with pytest.raises(Exception, match=r"uq_lottery_spins|deadlock|ck_lottery"):
        await _rush(rig)


async def test_a_refused_coupon_makes_way_for_the_next_prize(rig: WorkerRig) -> None:
    """The first batch is empty by now, the second gives one to each student: the third spin has neither."""
    scarce = await rig.classroom.made_batch(quantity=1)
    other = await rig.classroom.made_batch()
    prizes = (Prize(scarce.id, ALL - 1), Prize(other.id, 1))
    lottery = await made(rig, scarce, prizes=prizes, empty_policy=EmptyPolicy.NEXT)

    told = [await spun(rig, lottery, "bob", "r"), *[await spun(rig, lottery, ANN, n) for n in "ab"]]

    assert [(one.outcome, one.place) for one in told] == [
        (SpinOutcome.WON, 0),
        (SpinOutcome.WON, 1),
        (SpinOutcome.NOTHING, None),
    ]
    assert await check_lotteries(rig.ledger, now_ms()) == []


async def test_a_seed_that_is_out_draws_nothing_more(rig: WorkerRig) -> None:
    """A process whose clock is behind would let students choose."""
    lottery = await made(rig, await rig.classroom.made_batch())
    await move_days_on(rig.ledger, UTC, now_ms() + 2 * 86_400_000)
    assert (await spun(rig, lottery, ANN, "r")).outcome is SpinOutcome.NOT_OPEN


async def test_answers_of_refusals_are_kept_up_to_a_bound(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    lottery = await made(rig, await rig.classroom.made_batch(), from_at=now_ms() + 3_600_000)
    queue = SpinQueue()
    await asyncio.gather(*(spun(rig, lottery, ANN, f"r{n}", queue) for n in range(110)))
    await spun(rig, lottery, ANN, "r111")
    assert await counted(rig.ledger) == {"not_open": 100}


async def test_spins_are_deleted_long_after_their_lottery(rig: WorkerRig) -> None:
    lottery = await made(rig, await rig.classroom.made_batch())
    await spun(rig, lottery, ANN, "r")
    await flows.change_lottery(rig.ledger, "op", lottery.id, LotteryState.ENDED, {}, now_ms())
    await flows.delete_old(rig.ledger, now_ms())
    assert (await counted(rig.ledger)).total() == 1
    await flows.delete_old(rig.ledger, now_ms() + flows.KEPT_MS + 60_000)
    assert (await counted(rig.ledger)).total() == 0
    assert await check_lotteries(rig.ledger, now_ms()) == []


@pytest.mark.parametrize(
    "damage",
    [
        update(lottery_prizes).values(won=4),
        update(lottery_prize_days).values(won=1),
        update(lottery_spins).where(lottery_spins.c.n == 2).values(n=3),
        update(lottery_spins).where(lottery_spins.c.n == 1).values(number=7),
        update(lottery_spins).where(lottery_spins.c.n == 1).values(coupon_id="cpn_none"),
        update(lottery_spins).where(lottery_spins.c.n == 1).values(outcome=None, coupon_id=None),
    ],
    ids=["count", "day", "gap", "number", "coupon", "under way"],
)
async def test_doctor_finds_what_does_not_add_up(rig: WorkerRig, damage: Update) -> None:
    lottery = await made(rig, await rig.classroom.made_batch(per_student=3))
    for n in range(2):
        await spun(rig, lottery, ANN, f"r{n}")
    assert await check_lotteries(rig.ledger, now_ms()) == []

    async with rig.ledger.begin() as conn:
        await conn.execute(damage)

    found = await check_lotteries(rig.ledger, now_ms() + UNDER_WAY_MS + 60_000)
    assert {(one.kind, one.lottery) for one in found} == {(FindingKind.LOTTERY_DIFFERS, lottery.id)}


async def test_an_erased_student_is_in_no_spin(rig: WorkerRig) -> None:
    """Two spins get request ids of their own, because a request is there once; the books still add up."""
    lottery = await made(rig, await rig.classroom.made_batch(per_student=3))
    for n in range(2):
        await spun(rig, lottery, ANN, f"ann-{n}")

    gone = pseudonym("abcdefgh")
    assert await erase_from(rig.ledger, "lottery_spins", Names(ANN, gone)) == 2

    async with rig.ledger.read() as conn:
        rows = (await conn.execute(select(lottery_spins))).all()
    assert {row.student for row in rows} == {gone}
    assert [row.request_id for row in rows] == [row.id for row in rows]
    assert await check_lotteries(rig.ledger, now_ms()) == []
