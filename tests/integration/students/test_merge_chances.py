"""A merge of two accounts moves what may still become a coupon; on both databases."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from server.core.audiences.students import StudentForm
from server.core.drops.claims import Outcome
from server.core.drops.tasks import AnswerTask, EventTask, InviteTask, SignInTask
from server.core.identity import Identity, Role
from server.core.ids import BatchId, DropId, StudentId
from server.core.jobs import JobKind
from server.core.offers.offers import Offer, OfferForm, OfferState
from server.core.promotions.batches import Batch
from server.desk.claims.claim_desk import entering
from server.desk.drops.task_desk import TaskOf
from server.desk.keys import ShardKeys
from server.flows.access.blocked import BlockedAs
from server.flows.audiences.students import upsert_students
from server.flows.draws.drive_draws import drive_draws, order_of_draw
from server.flows.draws.show_draw import own_entry
from server.flows.jobs import drive_jobs, find_job
from server.flows.offers import accept_offer, make_offers
from server.flows.students.merge import merge_student, request_merge
from server.flows.tasks import invites
from server.flows.tasks.invites import Arrival, NotCounted, OwnLink
from server.flows.tasks.tell_passes import tell_passes
from server.ledger import tables
from server.ledger.draws import entries
from server.ledger.offers import offers
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.issuances import assert_books, parts_of
from tests.support.worker_rig import WorkerRig

pytestmark = pytest.mark.asyncio

ANN, OLD = StudentId("ann"), StudentId("ann_old")


async def merged(rig: WorkerRig, student: StudentId = OLD, into: StudentId = ANN) -> dict[str, Any]:
    """Merge the old account into Ann's; return the report without what is 0."""
    accounts = [StudentForm(student), StudentForm(into)]
    granted(await upsert_students(rig.ledger, accounts, now_ms()))
    job = granted(await request_merge(rig.ledger, "olga", student, into, now_ms()))
    await drive_jobs(rig.stores, {JobKind.MERGE: merge_student}, now_ms())
    done = granted(await find_job(rig.ledger, job.id))
    assert done.error is None
    return {name: count for name, count in (done.report or {}).items() if count}


def who(student: str, **more: Any) -> Identity:
    return Identity(student, Role.STUDENT, frozenset({ROOM}), frozenset(), 0, **more)


class TestOffers:
    async def offered(self, rig: WorkerRig, batch: Batch, student: StudentId) -> Offer:
        form = OfferForm(BatchId(batch.id), (student,), 600)
        made = await make_offers.make_offers(rig.stores, ROOM, form, None, now_ms())
        return granted(made).offers[0]

    async def state(self, rig: WorkerRig, offer: Offer) -> tuple[str, OfferState]:
        async with rig.ledger.read() as conn:
            found = await offers.find(conn, offer.id)
        assert found is not None
        return found.student, found.state

    async def test_an_open_offer_is_accepted_by_the_account_that_stays(
        self, rig: WorkerRig
    ) -> None:
        offer = await self.offered(rig, await rig.classroom.made_batch(), OLD)

        assert await merged(rig) == {"offers": 1}

        accepted = await accept_offer.accept(
            rig.stores, parts_of(rig), offer.id, BlockedAs(ANN), now_ms()
        )
        assert granted(accepted).state is OfferState.ACCEPTED

    async def test_of_two_offers_of_a_batch_that_of_the_account_that_stays_is_kept(
        self, rig: WorkerRig
    ) -> None:
        batch = await rig.classroom.made_batch()
        kept, gone = await self.offered(rig, batch, ANN), await self.offered(rig, batch, OLD)
        before = (await rig.classroom.batch(batch.id)).allotted

        assert await merged(rig) == {"offers_ended": 1}

        assert await self.state(rig, kept) == (ANN, OfferState.OFFERED)
        assert await self.state(rig, gone) == (OLD, OfferState.WITHDRAWN)
        assert (await rig.classroom.batch(batch.id)).allotted == before - 1
        await assert_books(rig, batch)

    async def test_an_offer_that_is_being_accepted_stays_and_is_told(self, rig: WorkerRig) -> None:
        offer = await self.offered(rig, await rig.classroom.made_batch(), OLD)
        async with rig.ledger.begin() as conn:
            await offers.change(conn, offer.id, issuance_id="iss_1")

        assert await merged(rig) == {"under_way": 1}
        assert await self.state(rig, offer) == (OLD, OfferState.OFFERED)


class TestTasks:
    async def test_what_the_old_account_has_done_opens_the_drop(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened(task=SignInTask())
        row = await rig.classroom.row(drop.id)
        await rig.desk.drops.tasks.set_done(TaskOf(row.shard, row.id, SignInTask()), {OLD: 1})

        await merged(rig)

        assert await rig.classroom.tap(drop.id, ANN) is Outcome.WON
        assert await rig.classroom.tap(drop.id, OLD) is Outcome.TASK_OPEN

    async def test_tries_that_are_used_up_stay_used(self, rig: WorkerRig) -> None:
        task = AnswerTask("?", ("a", "b"), 1)
        drop = await rig.classroom.opened(task=task)
        row, desk = await rig.classroom.row(drop.id), rig.desk.drops.tasks
        of = TaskOf(row.shard, row.id, task)
        await desk.count_answers(of, [(OLD, False), (OLD, False), (ANN, False)])

        await merged(rig)

        assert (await desk.progress_of([of], [ANN]))[0][ANN].tries_left == 0

    async def test_a_pass_by_the_ledger_is_told_anew_and_counts_once(self, rig: WorkerRig) -> None:
        task = EventTask("x.form")
        first, both = [await rig.classroom.opened(task=task) for _ in range(2)]
        passed = [(first.id, OLD), (both.id, OLD), (both.id, ANN)]
        rows = [{"drop_id": one, "student": by, "at": 1, "told": True} for one, by in passed]
        async with rig.ledger.begin() as conn:
            await conn.execute(insert(tables.task_passes), rows)

        assert await merged(rig) == {"tasks": 1}

        assert await tell_passes(rig.stores) == 1
        assert await rig.classroom.tap(first.id, ANN) is Outcome.WON
        async with rig.ledger.read() as conn:
            left = await conn.scalars(select(tables.task_passes.c.student))
            assert set(left) == {ANN}

    async def test_invitations_of_both_are_those_of_one(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened(task=InviteTask(2))

        async def link(student: str) -> OwnLink:
            return granted(await invites.own_link(rig.stores, drop.id, who(student), now_ms()))

        async def came(code: str, student: str) -> NotCounted | None:
            found = await invites.arrive(rig.stores, code, who(student, is_new=True), now_ms())
            assert isinstance(found, Arrival)
            return found.reason

        ann, old = await link(ANN), await link(OLD)
        assert [await came(ann.code, "bob"), await came(old.code, "cyd")] == [None, None]
        # By her own link, from her other account: it is nobody new.
        assert await came(ann.code, OLD) is None
        assert await rig.classroom.tap(drop.id, ANN) is Outcome.WON

        await merged(rig)

        assert (await link(ANN)).code == ann.code
        assert (await link(ANN)).progress.done == 2
        async with rig.ledger.read() as conn:
            its = tables.invitations.c
            left = await conn.execute(select(its.student, its.inviter).order_by(its.student))
            assert [tuple(row) for row in left] == [("bob", ANN), ("cyd", ANN)]


class TestEntries:
    async def entered(self, rig: WorkerRig, *students: str, units: int = 1) -> DropId:
        batch = await rig.classroom.made_batch(per_student=2)
        drop = await rig.classroom.opened(batch, quantity=units, mode="draw")
        row = await rig.classroom.row(drop.id)
        for student in students:
            await rig.desk.claims.claim(
                shard=row.shard,
                drop_id=row.id,
                batch_id=row.batch_id,
                student=StudentId(student),
                request_id=f"r_{student}",
                entering=entering("ab" * 16),
            )
        return row.id

    async def drawn(self, rig: WorkerRig, drop_id: DropId) -> None:
        await rig.classroom.drops.close(drop_id, ROOM, now_ms())
        await drive_draws(rig.stores, now_ms())
        await rig.confirm(drop_id)

    async def numbers(self, rig: WorkerRig, drop_id: DropId) -> dict[str, int]:
        async with rig.ledger.read() as conn:
            return {one.student: one.number for one in await entries.page(conn, drop_id, 0)}

    async def on_desk(self, rig: WorkerRig, drop_id: DropId) -> set[str]:
        keys = ShardKeys(rig.desk.prefix, (await rig.classroom.row(drop_id)).shard)
        found = await rig.desk.redis.hkeys(keys.entrants(drop_id))
        return {one.decode() if isinstance(one, bytes) else one for one in found}

    async def first(self, rig: WorkerRig, drop_id: DropId) -> int:
        draw = (await rig.classroom.row(drop_id)).draw
        assert draw is not None
        return next(iter(await order_of_draw(draw)))

    async def test_an_entry_of_a_draw_that_is_over_follows_with_its_receipt(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await self.entered(rig, OLD, "bob", units=2)
        await self.drawn(rig, drop_id)
        before = await self.numbers(rig, drop_id)

        assert await merged(rig) == {"coupons": 1, "entries": 1}

        assert await self.numbers(rig, drop_id) == {ANN: before[OLD], "bob": before["bob"]}
        own = granted(await own_entry(rig.stores, await rig.classroom.row(drop_id), ANN, now_ms()))
        assert own.result == "won"
        assert await self.on_desk(rig, drop_id) == {ANN, "bob"}

    async def test_an_entry_of_a_draw_that_goes_on_waits_for_its_end(self, rig: WorkerRig) -> None:
        drop_id = await self.entered(rig, OLD, units=1)
        await drive_draws(rig.stores, now_ms())  # its entry is in the ledger

        assert await merged(rig) == {"under_way": 1}
        await self.drawn(rig, drop_id)
        assert await merged(rig) == {"coupons": 1, "entries": 1}

    async def test_of_two_entries_the_winning_one_is_that_of_the_account_that_stays(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await self.entered(rig, OLD, ANN, units=1)
        await self.drawn(rig, drop_id)
        before, winner = await self.numbers(rig, drop_id), await self.first(rig, drop_id)
        student, into = (OLD, ANN) if before[OLD] == winner else (ANN, OLD)

        assert await merged(rig, student, into) == {"coupons": 1, "entries": 1}

        after = {into: before[student], student: before[into]}
        assert await self.numbers(rig, drop_id) == after
        own = granted(await own_entry(rig.stores, await rig.classroom.row(drop_id), into, now_ms()))
        assert own.result == "won"
        assert await merged(rig, student, into) == {}
        assert await self.numbers(rig, drop_id) == after
