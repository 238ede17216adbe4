"""A draw from the first entry to the last unit, on both databases: entries, seal, draw, seats, reserve and
abort."""

import asyncio
from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from server.core.drops.claims import Outcome
from server.core.drops.draw_cards import DrawPhase
from server.core.drops.drops import CloseReason, DropState
from server.core.ids import DropId, StudentId
from server.core.refusals import Code
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import entering
from server.desk.feed.feed_messages import FeedKind
from server.flows.draws.abort_draw import abort_draw
from server.flows.draws.drive_draws import drive_draws, order_of_draw
from server.flows.draws.refill_draws import refill_draws
from server.flows.draws.show_draw import DrawDocuments, own_entry
from server.flows.drops.end_holds import end_holds
from server.ledger import tables
from server.ledger.draws import entries
from server.ledger.drops.draws import DrawRow
from tests.support.builders.classroom import ROOM, granted, now_ms, refused
from tests.support.faults.interruptions import Hook, crash, dies, interpose
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, everybody, lost

pytestmark = pytest.mark.asyncio


async def enter(
    rig: WorkerRig, drop_id: str, student: str, request_id: str = "r1", **holders: Any
) -> ClaimAnswer:
    row = await rig.classroom.row(drop_id)
    return await rig.desk.claims.claim(
        shard=row.shard,
        drop_id=DropId(drop_id),
        batch_id=row.batch_id,
        student=StudentId(student),
        request_id=request_id,
        entering=entering("ab" * 16),
        **holders,
    )


async def draw_with(rig: WorkerRig, count: int, units: int = 3, **batch: Any) -> str:
    """Return an open draw that so many students have entered."""
    made = await rig.classroom.made_batch(**batch)
    drop = await rig.classroom.opened(made, quantity=units, mode="draw")
    for student in everybody(count):
        assert (await enter(rig, drop.id, student)).outcome is Outcome.ENTERED
    return drop.id


async def finish(rig: WorkerRig, drop_id: str) -> None:
    """Close the draw, let a worker draw, and confirm the winners."""
    await rig.classroom.drops.close(drop_id, ROOM, now_ms())
    await drive_draws(rig.stores, now_ms())
    await rig.confirm(drop_id)


async def draw_row(rig: WorkerRig, drop_id: str) -> DrawRow:
    draw = (await rig.classroom.row(drop_id)).draw
    assert draw is not None
    return draw


async def drawn_order(rig: WorkerRig, drop_id: str) -> list[str]:
    """Return the students in the order of the draw."""
    async with rig.ledger.read() as conn:
        entered = await entries.students(conn, drop_id)
    return [entered[index] for index in await order_of_draw(await draw_row(rig, drop_id))]


async def document(rig: WorkerRig, drop_id: str) -> dict[str, Any]:
    row = await rig.classroom.row(drop_id)
    found: dict[str, Any] = orjson.loads(await DrawDocuments().document(rig.ledger, row, now_ms()))
    return found


class TestEntering:
    async def test_a_tap_is_an_entry_with_a_receipt_and_takes_no_unit(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 2)
        answer = await enter(rig, drop_id, "s3")

        assert answer.entry is not None
        assert (answer.entry.number, answer.entry.client_random) == (2, "ab" * 16)
        view = await rig.classroom.view(drop_id)
        assert (view.entries, view.claimed, view.remaining) == (3, 0, 3)

    async def test_an_entry_is_shown_before_a_worker_has_taken_it(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 1)
        answer = await enter(rig, drop_id, "ann")
        row = await rig.classroom.row(drop_id)

        own = granted(await own_entry(rig.stores, row, "ann", now_ms()))

        assert answer.entry is not None
        assert (own.receipt, own.result) == (answer.entry.receipt(row.id), "entered")
        nobody = refused(await own_entry(rig.stores, row, "nobody", now_ms()))
        assert nobody.code is Code.NOT_FOUND

    async def test_one_student_has_one_entry_whatever_they_send(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 1)
        first = await enter(rig, drop_id, "s1")
        again = await enter(rig, drop_id, "s1")
        another = await enter(rig, drop_id, "s1", "r2")

        assert first == again == another
        assert (await rig.classroom.view(drop_id)).entries == 1

    async def test_a_tap_that_comes_late_is_refused_and_a_repetition_is_not(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 1)
        await rig.classroom.drops.close(drop_id, ROOM, now_ms())

        assert (await enter(rig, drop_id, "s1")).outcome is Outcome.ENTERED
        assert (await enter(rig, drop_id, "late")).outcome is Outcome.CLOSED

    async def test_who_has_used_up_the_limit_is_refused(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch()
        other = await rig.classroom.opened(batch)
        await rig.classroom.won(other.id, "s1")
        drop = await rig.classroom.opened(batch, quantity=1, mode="draw")
        answer = await enter(rig, drop.id, "s1")

        assert (answer.outcome, answer.limit) == (Outcome.LIMIT_REACHED, "batch")

    async def test_a_draw_sells_nothing_to_a_tap_that_is_no_entry(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 1)
        assert await rig.classroom.tap(drop_id, "s9") is Outcome.CLOSED


class TestDrawing:
    async def test_the_first_of_the_order_win_and_their_wins_are_claims_like_all(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 8, units=3)
        await finish(rig, drop_id)

        order = await drawn_order(rig, drop_id)
        assert set(await rig.live(drop_id)) == set(order[:3])
        assert set(await rig.codes(drop_id)) == set(order[:3])
        view = await rig.classroom.view(drop_id)
        assert (view.state, view.claimed, view.returned) == (DropState.CLOSED, 3, 0)
        assert view.close_reason is CloseReason.STOPPED

    async def test_the_seal_comes_before_the_seed(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 4)
        await finish(rig, drop_id)

        told = [one for one in await rig.classroom.told() if one.drop.id == drop_id]
        kinds = [FeedKind.OPENED, FeedKind.SEALED, FeedKind.DRAWN, FeedKind.CLOSED]
        assert [one.kind for one in told] == kinds
        cards = [one.drop.draw for one in told]
        draw = await draw_row(rig, drop_id)
        assert [card.seed if card else "" for card in cards] == [None, None, draw.seed, draw.seed]
        assert [card.root if card else "" for card in cards] == [None, *[draw.root] * 3]
        assert cards[0] is not None
        assert cards[0].commitment == sha256(bytes.fromhex(draw.seed)).hexdigest()

    async def test_units_that_nobody_drew_go_back_to_the_batch(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 2, units=5)
        await finish(rig, drop_id)

        row = await rig.classroom.row(drop_id)
        assert (row.returned, len(await rig.live(drop_id))) == (3, 2)
        assert (await rig.classroom.batch(row.batch_id)).allotted == 2

    async def test_a_draw_that_nobody_entered_ends(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 0)
        await finish(rig, drop_id)

        assert (await rig.classroom.view(drop_id)).state is DropState.CLOSED
        assert (await rig.classroom.row(drop_id)).returned == 3

    async def test_who_cannot_take_a_unit_passes_it_to_the_reserve(self, rig: WorkerRig) -> None:
        batch = await rig.classroom.made_batch()
        drop = await rig.classroom.opened(batch, quantity=2, mode="draw")
        for student in everybody(6):
            await enter(rig, drop.id, student)
        other = await rig.classroom.opened(batch)
        await rig.classroom.won(other.id, "s1", "s2", "s3")  # elsewhere, after they entered here
        await finish(rig, drop.id)

        able = [one for one in await drawn_order(rig, drop.id) if one not in {"s1", "s2", "s3"}]
        assert set(await rig.live(drop.id)) == set(able[:2])

    async def test_a_unit_whose_hold_ended_goes_to_the_next_of_the_order(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 5, units=2, hold_seconds=60)
        await finish(rig, drop_id)
        order = await drawn_order(rig, drop_id)
        async with rig.ledger.begin() as conn:
            await conn.execute(
                update(tables.coupons)
                .where(tables.coupons.c.student == order[0])
                .values(hold_until=1)
            )
        await end_holds(rig.stores, now_ms())
        await refill_draws(rig.stores, now_ms())
        await rig.confirm(drop_id)

        assert set(await rig.live(drop_id)) == {order[1], order[2]}
        row = await rig.classroom.row(drop_id)
        assert (row.returned, row.draw and row.draw.refill_at) == (0, None)

    async def test_without_a_reserve_the_unit_goes_back_to_the_batch(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 1, units=1, hold_seconds=60)
        await finish(rig, drop_id)
        async with rig.ledger.begin() as conn:
            await conn.execute(update(tables.coupons).values(hold_until=1))
        await end_holds(rig.stores, now_ms())
        await refill_draws(rig.stores, now_ms())

        assert (await rig.classroom.row(drop_id)).returned == 1


class TestProof:
    async def test_the_document_grows_with_the_draw_and_hides_the_seed_before_it(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 5)
        before = await document(rig, drop_id)
        await finish(rig, drop_id)
        after = await document(rig, drop_id)

        assert (before["state"], before["seed"], before["root"], before["leaves"]) == (
            *("open", None, None),
            [],
        )
        assert after["commitment"] == before["commitment"]
        assert (after["state"], after["count"], after["units"]) == ("closed", 5, 3)
        assert (len(after["leaves"]), len(after["winners"])) == (5, 3)

    async def test_a_student_finds_their_entry_and_what_became_of_it(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 4, units=1)
        await drive_draws(rig.stores, now_ms())
        row = await rig.classroom.row(drop_id)
        waiting = await own_entry(rig.stores, row, "s1", now_ms())
        await finish(rig, drop_id)
        order, row = await drawn_order(rig, drop_id), await rig.classroom.row(drop_id)
        proof = await document(rig, drop_id)

        assert getattr(waiting, "result", None) == "entered"
        for student, result in ((order[0], "won"), (order[1], "not_drawn")):
            own = await own_entry(rig.stores, row, student, now_ms())
            assert getattr(own, "result", None) == result
            receipt = getattr(own, "receipt", {})
            assert proof["leaves"][receipt["index"]] == receipt["leaf"]
        assert refused(await own_entry(rig.stores, row, "nobody", now_ms())).code is Code.NOT_FOUND


class TestAborting:
    async def test_nobody_wins_and_seed_and_leaves_are_shown(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 4)
        await abort_draw(rig.stores, drop_id, ROOM, "wrong price", now_ms())
        await drive_draws(rig.stores, now_ms())
        proof = await document(rig, drop_id)

        assert await rig.live(drop_id) == {}
        assert (await rig.classroom.view(drop_id)).state is DropState.ABORTED
        assert (await rig.classroom.row(drop_id)).returned == 3
        assert (proof["state"], proof["winners"], len(proof["leaves"])) == ("aborted", [], 4)
        assert sha256(bytes.fromhex(proof["seed"])).hexdigest() == proof["commitment"]

    async def test_what_is_drawn_cannot_be_aborted_and_what_is_aborted_not_drawn(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 4)
        await finish(rig, drop_id)
        answer = await abort_draw(rig.stores, drop_id, ROOM, "again", now_ms())
        assert refused(answer).code is Code.WRONG_STATE

        other = await draw_with(rig, 4)
        await abort_draw(rig.stores, other, ROOM, "x", now_ms())
        await abort_draw(rig.stores, other, ROOM, "x", now_ms())
        await drive_draws(rig.stores, now_ms())
        assert (await draw_row(rig, other)).phase is DrawPhase.ABORTED

    async def test_a_drop_that_is_no_draw_is_refused(self, rig: WorkerRig) -> None:
        drop = await rig.classroom.opened()
        answer = await abort_draw(rig.stores, drop.id, ROOM, "x", now_ms())
        assert refused(answer).code is Code.WRONG_STATE


class TestLosses:
    async def test_two_workers_at_once_draw_once(self, rig: WorkerRig) -> None:
        drop_id = await draw_with(rig, 9, units=4)
        await rig.classroom.drops.close(drop_id, ROOM, now_ms())
        other = rig.another("wrk_2")
        await asyncio.gather(drive_draws(rig.stores, now_ms()), drive_draws(other.stores, now_ms()))
        await drive_draws(rig.stores, now_ms())
        await rig.confirm(drop_id)

        assert set(await rig.live(drop_id)) == set((await drawn_order(rig, drop_id))[:4])

    async def test_a_lost_desk_keeps_what_the_ledger_has_and_goes_on_behind_it(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig = flushable_rig
        drop_id = await draw_with(rig, 3)
        first = await enter(rig, drop_id, "s1")
        await drive_draws(rig.stores, now_ms())
        await lost(rig, flushable_redis)
        await rig.rebuild_all()

        assert await enter(rig, drop_id, "s1") == first
        behind = await enter(rig, drop_id, "s4")
        assert behind.entry is not None
        assert behind.entry.number == 3

    async def test_entries_on_a_desk_that_is_rebuilt_are_in_the_ledger_first(
        self, rig: WorkerRig
    ) -> None:
        drop_id = await draw_with(rig, 3)
        shard = (await rig.classroom.row(drop_id)).shard
        assert await rig.rebuilder.rebuild(shard, now_ms())
        async with rig.ledger.read() as conn:
            assert await entries.students(conn, drop_id) == ["s1", "s2", "s3"]

    async def test_a_desk_lost_after_the_draw_gives_the_same_winners(
        self, flushable_rig: WorkerRig, flushable_redis: RedisServer
    ) -> None:
        rig = flushable_rig
        drop_id = await draw_with(rig, 7)
        await rig.classroom.drops.close(drop_id, ROOM, now_ms())
        interpose(rig.feed, "publish", before=_crash_once_drawn())
        with dies():
            await drive_draws(rig.stores, now_ms())
        await lost(rig, flushable_redis)
        await rig.rebuild_all()
        await drive_draws(rig.stores, now_ms())
        await rig.confirm(drop_id)

        assert set(await rig.live(drop_id)) == set((await drawn_order(rig, drop_id))[:3])


def _crash_once_drawn() -> Hook:
    """Return a hook that dies when the room is about to hear of the draw, once."""
    left = [crash]

    def run(_: object, kind: object, __: object) -> None:
        if kind is FeedKind.DRAWN and left:
            left.pop()()

    return run


async def test_no_student_stands_in_the_proof(rig: WorkerRig) -> None:
    drop_id = await draw_with(rig, 3)
    await finish(rig, drop_id)
    proof = orjson.dumps(await document(rig, drop_id))
    async with rig.ledger.read() as conn:
        pseudonyms = set(await conn.scalars(select(tables.draw_entries.c.pseudonym)))

    assert not any(one.encode() in proof for one in pseudonyms | {'"s1"', '"s2"'})
