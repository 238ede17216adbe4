"""Issuing piece by piece, on both databases: at every step where it may die, by two drivers, against taps."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from server.core.coupons.issuances import IssuanceState, ItemOutcome
from server.core.drops.claims import Outcome
from server.core.ids import DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.claims.issuance_slots import IssuanceSlots
from server.flows.coupons.issuing import issuances as flows
from server.flows.coupons.issuing import prepare_piece
from server.flows.coupons.issuing.prune_issuances import prune_issuances
from server.ledger.coupons import coupons, issuance_items, issuances
from server.ledger.drops import claims
from tests.support.builders.campaigns import made_campaign, with_budget
from tests.support.builders.campaigns import parts_of as budget_parts
from tests.support.builders.classroom import granted, now_ms
from tests.support.builders.issuances import (
    asked,
    assert_books,
    desk_slots,
    everyone,
    found,
    left_on_desk,
    outcomes,
    parts_of,
    worked,
)
from tests.support.faults.interruptions import crash, dies, interpose, once
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, lost

pytestmark = pytest.mark.asyncio

STUDENTS = everyone(25)
# 25 students and 20 units: a piece has both who gets one and who does not.
STEPS = {
    "before_the_slots": (IssuanceSlots, "take", "before"),
    "after_the_slots": (IssuanceSlots, "take", "after"),
    "before_the_coupons": (coupons, "insert_issued", "before"),
    "after_the_coupons": (coupons, "insert_issued", "after"),
    "before_the_commit": (issuances, "count", "after"),
    "after_the_commit": (IssuanceSlots, "give_back", "before"),
    "after_giving_back": (IssuanceSlots, "give_back", "after"),
    "before_it_is_settled": (IssuanceSlots, "keep", "before"),
    "after_it_is_settled": (IssuanceSlots, "keep", "after"),
    "before_the_end": (IssuanceSlots, "left_behind", "after"),
}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_piece, "AT_ONCE", 10)


@pytest.mark.parametrize("step", STEPS)
async def test_it_dies_at_any_step_and_each_has_one_outcome(
    rig: WorkerRig, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await rig.classroom.made_batch(quantity=20)
    issuance = await asked(rig, batch, STUDENTS)
    part, call, when = STEPS[step]
    monkeypatch.setattr(part, call, getattr(part, call))
    interpose(part, call, **{when: once(crash)})

    with dies():
        await worked(rig)
    await worked(rig, after_a_crash=True)

    done = await found(rig, issuance)
    assert (done.state, done.issued, done.refused) == (IssuanceState.DONE, 20, 5)
    assert Counter((await outcomes(rig, issuance)).values()) == {
        ItemOutcome.ISSUED: 20,
        ItemOutcome.STOCK_SHORT: 5,
    }
    assert await left_on_desk(rig, issuance, batch) == 0
    await assert_books(rig, batch)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_it_dies_while_the_next_piece_takes_its_slots(
    rig: WorkerRig, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await rig.classroom.made_batch(quantity=20)
    issuance = await asked(rig, batch, STUDENTS)
    taken = list[object]()

    def at_second(*_: object) -> None:
        taken.append(None)
        if len(taken) == 2:
            crash()

    monkeypatch.setattr(IssuanceSlots, "take", IssuanceSlots.take)
    interpose(IssuanceSlots, "take", **{when: at_second})
    with dies():
        await worked(rig)
    await worked(rig, after_a_crash=True)

    done = await found(rig, issuance)
    assert (done.state, done.issued, done.refused) == (IssuanceState.DONE, 20, 5)
    assert await left_on_desk(rig, issuance, batch) == 0
    await assert_books(rig, batch)


async def test_two_workers_at_once_decide_everybody_once(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch(quantity=20)
    several = [await asked(rig, batch, STUDENTS[start : start + 9]) for start in (0, 8, 16)]

    await asyncio.gather(*(worked(rig) for _ in range(4)))
    await worked(rig)

    assert {(await found(rig, one)).state for one in several} == {IssuanceState.DONE}
    everything = [outcome for one in several for outcome in (await outcomes(rig, one)).values()]
    assert Counter(everything)[ItemOutcome.ISSUED] == 20
    assert None not in everything
    await assert_books(rig, batch)


async def test_a_driver_that_lost_its_lease_writes_nothing(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs before its transaction, until another worker has done everything."""
    batch = await rig.classroom.made_batch()
    issuance = await asked(rig, batch, STUDENTS)
    monkeypatch.setattr(IssuanceSlots, "take", IssuanceSlots.take)

    async def others_finish(*_: object) -> None:
        await worked(rig, after_a_crash=True)

    interpose(IssuanceSlots, "take", after=once(others_finish))
    await worked(rig)

    assert (await found(rig, issuance)).issued == len(STUDENTS)
    await assert_books(rig, batch)


class _Taps:
    """The taps of the race: whoever lets them begin can wait until all are answered."""

    def __init__(self) -> None:
        self.may_begin = asyncio.Event()
        self.are_answered = asyncio.Event()


async def _race(rig: WorkerRig, taps: _Taps) -> tuple[Counter[StudentId], int]:
    """Let every student tap and be issued a coupon of one batch at once; return how many live coupons each
    has, and how many wins were taken back.
    """
    batch = await rig.classroom.made_batch(quantity=200)
    drop = await rig.classroom.opened(batch, quantity=100)
    issuance = await asked(rig, batch, STUDENTS)

    async def tap_all() -> None:
        await taps.may_begin.wait()
        for student in reversed(STUDENTS):
            await rig.classroom.tap(drop.id, student)
        taps.are_answered.set()

    await asyncio.gather(worked(rig), tap_all())
    with suppress(DeskUnavailableError):  # desk and ledger differ: the desk is shut
        await rig.confirm(drop.id)
    rows = await rig.rows(drop.id)
    has = Counter(row.student for row in rows if row.state == "live")
    given = await outcomes(rig, issuance)
    has.update(StudentId(one) for one, given_ in given.items() if given_ is ItemOutcome.ISSUED)
    return has, sum(row.state == "revoked" for row in rows)


async def test_a_tap_and_an_issuance_never_exceed_the_limit_together(rig: WorkerRig) -> None:
    taps = _Taps()
    taps.may_begin.set()
    has, taken_back = await _race(rig, taps)
    assert set(has.values()) == {1}
    assert len(has) == len(STUDENTS)
    assert taken_back == 0


async def test_control_without_the_desk_wins_have_to_be_taken_back(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slots that only the ledger knows: then students are told `won` who are over their limit."""
    real = IssuanceSlots.take

    async def take_and_give_back(self: IssuanceSlots, *arguments: object) -> object:
        taken = await real(self, *arguments)  # type: ignore[arg-type]
        await self.give_back(arguments[0], arguments[1])  # type: ignore[arg-type]
        taps.may_begin.set()
        # Before the issuance is committed: later taps would be told that they are over their limit.
        await asyncio.wait_for(taps.are_answered.wait(), timeout=20)
        return taken

    taps = _Taps()
    monkeypatch.setattr(IssuanceSlots, "take", take_and_give_back)
    has, taken_back = await _race(rig, taps)
    assert taken_back > 0 or max(has.values()) > 1


async def test_slots_that_the_desk_forgot_are_read_from_the_ledger(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    batch = await rig.classroom.made_batch(per_student=2)
    await asked(rig, batch, STUDENTS[:5])
    await worked(rig)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()

    second, third = await asked(rig, batch, STUDENTS[:5]), await asked(rig, batch, STUDENTS[:6])
    await worked(rig)

    assert (await found(rig, second)).issued == 5
    last = await found(rig, third)
    assert (last.issued, last.refused) == (1, 5)
    await assert_books(rig, batch)


async def test_a_campaigns_limit_counts_taps_and_issuances(rig: WorkerRig) -> None:
    campaign = await made_campaign(rig.ledger, per_student=1)
    template = await rig.classroom.made_template()
    live, given = [
        await rig.classroom.made_batch(template, campaign_id=campaign.id, quantity=quantity)
        for quantity in (100, None)
    ]
    drop = await rig.classroom.opened(live)
    batch = await rig.classroom.batch(live.id)
    answer = await rig.desk.claims.claim(
        shard=batch.shard,
        drop_id=DropId(drop.id),
        batch_id=batch.id,
        student=STUDENTS[0],
        request_id="r1",
        campaign_id=campaign.id,
    )
    assert answer.outcome is Outcome.WON

    issuance = await asked(rig, given, STUDENTS[:2])
    await worked(rig)

    assert await outcomes(rig, issuance) == {
        STUDENTS[0]: ItemOutcome.LIMIT_REACHED,
        STUDENTS[1]: ItemOutcome.ISSUED,
    }
    async with rig.ledger.read() as conn:
        assert await claims.used_campaign_slots(conn, campaign.id, STUDENTS[1]) == {1}


async def test_a_budget_ends_it_and_what_is_over_is_not_exposed(rig: WorkerRig) -> None:
    batch = await with_budget(rig.classroom, 3_000)
    issuance = await asked(rig, batch, STUDENTS[:5])
    await worked(rig)

    counts = Counter((await outcomes(rig, issuance)).values())
    assert counts == {ItemOutcome.ISSUED: 3, ItemOutcome.BUDGET_SHORT: 2}
    assert await budget_parts(rig.ledger, batch.campaign_id) == (0, 3_000, 0)
    await assert_books(rig, batch)


UNDO_STEPS = {
    "before_anything": (issuance_items, "mark_taken_back", "before"),
    "before_the_commit": (issuance_items, "mark_taken_back", "after"),
    "before_the_desk": (IssuanceSlots, "free", "before"),
    "after_the_desk": (IssuanceSlots, "free", "after"),
    "before_the_last_commit": (issuance_items, "mark_slots_freed", "after"),
}


@pytest.mark.parametrize("step", UNDO_STEPS)
async def test_an_undo_dies_at_any_step_and_everything_returns(
    rig: WorkerRig, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await with_budget(rig.classroom, 100_000)
    issuance = await asked(rig, batch, STUDENTS)
    await worked(rig)
    granted(await flows.undo(parts_of(rig), issuance.id, "olga"))
    part, call, when = UNDO_STEPS[step]
    monkeypatch.setattr(part, call, getattr(part, call))
    interpose(part, call, **{when: once(crash)})

    with dies():
        await worked(rig)
    await worked(rig, after_a_crash=True)

    undone = await found(rig, issuance)
    assert (undone.state, undone.taken_back, undone.due_at) == (
        IssuanceState.UNDONE,
        len(STUDENTS),
        None,
    )
    assert (await rig.classroom.batch(batch.id)).remaining == 100
    assert await budget_parts(rig.ledger, batch.campaign_id) == (100_000, 0, 0)
    assert await desk_slots(rig, batch) == set()
    await assert_books(rig, batch)


async def test_a_slot_that_was_freed_is_not_freed_twice(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The undo dies after it has told the desk, and a student taps before it goes on."""
    batch = await rig.classroom.made_batch()
    issuance = await asked(rig, batch, STUDENTS[:1])
    await worked(rig)
    async with rig.ledger.begin() as conn:
        await issuances.change(conn, issuance.id, state="undone", due_at=0)
    monkeypatch.setattr(IssuanceSlots, "free", IssuanceSlots.free)
    interpose(IssuanceSlots, "free", after=once(crash))
    with dies():
        await worked(rig)
    drop = await rig.classroom.opened(batch)
    await rig.classroom.won(drop.id, STUDENTS[0])

    await worked(rig, after_a_crash=True)

    assert await desk_slots(rig, batch) == {(STUDENTS[0], 1)}
    await rig.confirm(drop.id)
    assert await rig.live(drop.id) == {STUDENTS[0]: 1}


async def test_a_stop_while_it_runs_decides_the_rest(
    rig: WorkerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await rig.classroom.made_batch()
    issuance = await asked(rig, batch, STUDENTS)
    monkeypatch.setattr(IssuanceSlots, "keep", IssuanceSlots.keep)

    async def somebody_stops(*_: object) -> None:
        granted(await flows.stop(parts_of(rig), issuance.id, "olga"))

    interpose(IssuanceSlots, "keep", after=once(somebody_stops))
    await worked(rig)
    await worked(rig)

    stopped = await found(rig, issuance)
    assert (stopped.state, stopped.issued, stopped.refused) == (IssuanceState.STOPPED, 10, 15)
    assert Counter((await outcomes(rig, issuance)).values()) == {
        ItemOutcome.ISSUED: 10,
        ItemOutcome.STOPPED: 15,
    }
    await assert_books(rig, batch)


async def test_what_was_asked_long_ago_is_deleted_and_the_coupons_stay(rig: WorkerRig) -> None:
    batch = await rig.classroom.made_batch()
    old, new = await asked(rig, batch, STUDENTS[:3]), await asked(rig, batch, STUDENTS[3:5])
    await worked(rig)
    async with rig.ledger.begin() as conn:
        await issuances.change(conn, old.id, finished_at=now_ms() - issuance_items.KEPT_MS - 1)

    assert await prune_issuances(rig.ledger, now_ms()) == 3

    assert await outcomes(rig, old) == {}
    assert len(await outcomes(rig, new)) == 2
    async with rig.ledger.read() as conn:
        assert len(await issuance_items.coupons_of(conn, old.id, STUDENTS[:3])) == 3


async def test_a_large_piece_tells_the_desk_of_everybody_at_once(
    flushable_rig: WorkerRig, flushable_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The desk has lost its caps, and half of the students have a coupon of the batch."""
    rig = flushable_rig
    monkeypatch.setattr(prepare_piece, "AT_ONCE", 1_000)
    batch, students = await rig.classroom.made_batch(quantity=2_000), everyone(600)
    await asked(rig, batch, students[:300])
    await worked(rig)
    await lost(rig, flushable_redis)
    await rig.rebuild_all()

    issuance = await asked(rig, batch, students)
    await worked(rig)

    done = await found(rig, issuance)
    assert (done.issued, done.refused) == (300, 300)
    await assert_books(rig, batch)
    drop = await rig.classroom.opened(batch)
    assert await rig.classroom.tap(drop.id, students[0]) is Outcome.LIMIT_REACHED
