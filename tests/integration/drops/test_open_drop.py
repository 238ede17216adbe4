"""Opening: stock, window, feed and the same request again."""

import asyncio
from dataclasses import replace

import pytest

from server.core.drops import drop_rules
from server.core.drops.drop_rules import DropForm
from server.core.drops.drops import DropState
from server.core.promotions.batches import ClaimWindow, RoomQuota
from server.core.promotions.templates import FixedValidity
from server.core.refusals import Code, Refused
from server.desk.feed.feed_messages import FeedKind
from server.ledger.idempotency import IdempotencyKey
from tests.support.builders.classroom import ROOM, Classroom, granted, now_ms, refused

pytestmark = pytest.mark.asyncio
KEY = IdempotencyKey("teacher", "/v1/rooms/101/drops", "key-1", "hash-1")


async def test_an_opened_drop_has_its_stock_window_and_audience(classroom: Classroom) -> None:
    batch = await classroom.made_batch()
    drop = await classroom.opened(batch, message="for you", metadata={"slide": "7"})

    assert (drop.state, drop.quantity, drop.remaining) == (DropState.OPEN, 10, 10)
    assert (drop.name, drop.currency, drop.message) == ("Ten off", "CNY", "for you")
    assert drop.opens_at is not None
    assert drop.closes_at == drop.opens_at + 60_000
    assert (drop.created_by, drop.metadata) == ("teacher", {"slide": "7"})
    assert (await classroom.batch(batch.id)).remaining == 90
    assert await classroom.unfinished() == []


async def test_the_room_is_told_once_with_the_whole_card(classroom: Classroom) -> None:
    drop = await classroom.opened(message="for you", opens_in_seconds=30)
    (told,) = await classroom.told()

    assert told.kind is FeedKind.OPENED
    assert (told.drop.id, told.drop.quantity, told.drop.message) == (drop.id, 10, "for you")
    assert (told.drop.name, told.drop.discount) == (
        "Ten off",
        {"kind": "amount_off", "amount": 1000},
    )
    assert told.drop.window.opens_at == drop.opens_at


async def test_a_countdown_is_scheduled_by_the_clock_of_the_desk(classroom: Classroom) -> None:
    before = now_ms()
    drop = await classroom.opened(opens_in_seconds=30)

    assert drop.state is DropState.SCHEDULED
    assert drop.opens_at is not None
    assert before + 30_000 <= drop.opens_at <= now_ms() + 30_000


async def test_the_students_there_at_the_opening_are_counted(classroom: Classroom) -> None:
    await classroom.desk.feed.report_presence(ROOM, "gwy_1", 7)
    drop = await classroom.opened()

    assert (drop.present_at_open, drop.present) == (7, 7)


class TestWaiting:
    async def test_only_so_many_wait_in_a_room_however_many_ask_at_once(
        self, classroom: Classroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drop_rules, "MAX_WAITING", 3)
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 1, 60, start="prepared")
        answers = await asyncio.gather(
            *(classroom.drops.create(ROOM, form, None, now_ms()) for _ in range(12))
        )
        made = [one for one in answers if not isinstance(one, Refused)]
        assert len(made) == 3
        assert {one.code for one in answers if isinstance(one, Refused)} == {Code.TOO_MANY}

        scheduled = replace(form, start="now", opens_in_seconds=60)
        assert refused(await classroom.drops.create(ROOM, scheduled, None, now_ms())).facts == {
            "max": 3
        }
        await classroom.opened(batch, quantity=1)
        granted(await classroom.drops.close(made[0].id, ROOM, now_ms()))
        granted(await classroom.drops.create(ROOM, scheduled, None, now_ms()))
        assert (
            refused(await classroom.drops.create(ROOM, form, None, now_ms())).code is Code.TOO_MANY
        )


class TestPrepared:
    async def test_a_prepared_drop_takes_nothing_and_tells_nobody(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch()
        drop = await classroom.opened(batch, start="prepared")

        assert (drop.state, drop.remaining, drop.opens_at) == (DropState.PREPARED, 10, None)
        assert (await classroom.batch(batch.id)).remaining == 100
        assert await classroom.told() == []

    async def test_it_takes_its_stock_when_it_is_opened(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        prepared = await classroom.opened(batch, start="prepared")
        drop = granted(await classroom.drops.open(prepared.id, ROOM, now_ms()))

        assert (drop.id, drop.state) == (prepared.id, DropState.OPEN)
        assert (await classroom.batch(batch.id)).remaining == 90
        assert len(await classroom.told()) == 1

    async def test_opened_twice_it_is_open_once(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        prepared = await classroom.opened(batch, start="prepared")
        first, second = await asyncio.gather(
            *(classroom.drops.open(prepared.id, ROOM, now_ms()) for _ in range(2))
        )

        assert granted(first).opens_at == granted(second).opens_at
        assert (await classroom.batch(batch.id)).remaining == 90
        assert len(await classroom.told()) == 1

    async def test_stock_that_is_gone_by_then_is_refused_and_it_stays_prepared(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch(quantity=15)
        prepared = await classroom.opened(batch, start="prepared")
        await classroom.opened(batch)
        answer = refused(await classroom.drops.open(prepared.id, ROOM, now_ms()))

        assert (answer.code, answer.facts) == (Code.STOCK_SHORT, {"available": 5})
        assert (await classroom.view(prepared.id)).state is DropState.PREPARED

    async def test_a_closed_drop_is_not_opened_again(self, classroom: Classroom) -> None:
        prepared = await classroom.opened(start="prepared")
        granted(await classroom.drops.close(prepared.id, ROOM, now_ms()))

        answer = await classroom.drops.open(prepared.id, ROOM, now_ms())
        assert refused(answer).code is Code.WRONG_STATE


class TestStock:
    async def test_more_than_the_batch_has_is_refused_with_what_there_is(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch(quantity=9)
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, KEY, now_ms()))

        assert (answer.code, answer.facts) == (Code.STOCK_SHORT, {"available": 9})
        assert (await classroom.batch(batch.id)).allotted == 0
        assert await classroom.drops.list_for_room(ROOM, 10, None, now_ms()) == []

    async def test_a_room_cannot_exceed_its_share(self, classroom: Classroom) -> None:
        rooms = (RoomQuota(ROOM, 15), RoomQuota("102"))
        batch = await classroom.made_batch(rooms=rooms)
        await classroom.opened(batch)
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        assert (answer.code, answer.facts) == (Code.STOCK_SHORT, {"available": 5})
        after = await classroom.batch(batch.id)
        assert (after.allotted, after.droppable_in(ROOM)) == (10, 5)

    async def test_all_of_a_batch_beyond_a_share_is_refused_with_the_share(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch(quantity=10, rooms=(RoomQuota(ROOM, 4),))
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        assert answer.facts == {"available": 4}

    async def test_of_two_rooms_that_want_the_last_units_one_gets_them(
        self, classroom: Classroom
    ) -> None:
        batch = await classroom.made_batch(quantity=15)
        form = DropForm(batch.id, 10, 60)
        answers = await asyncio.gather(
            *(classroom.drops.create(room, form, None, now_ms()) for room in ("101", "102", "103"))
        )

        short = [one for one in answers if getattr(one, "code", None) is Code.STOCK_SHORT]
        assert len(short) == 2
        assert [one.facts["available"] for one in map(refused, short)] == [5, 5]
        assert (await classroom.batch(batch.id)).allotted == 10

    async def test_a_room_without_a_share_is_refused(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch(rooms=(RoomQuota("102"),))
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        assert answer.facts["errors"] == [{"field": "batch_id", "code": "not_for_room"}]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [({"batch_id": "bat_0"}, "unknown"), ({"mode": "auction"}, "unknown")],
    )
    async def test_what_cannot_be_is_refused_by_its_field(
        self, classroom: Classroom, changes: dict[str, str], code: str
    ) -> None:
        batch = await classroom.made_batch()
        form = replace(DropForm(batch.id, 10, 60), **changes)  # type: ignore[arg-type]
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        (field,) = changes
        assert answer.facts["errors"] == [{"field": field, "code": code}]

    async def test_a_batch_without_a_quantity_is_refused(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch(quantity=None)
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now_ms()))

        assert answer.facts["errors"] == [{"field": "batch_id", "code": "unlimited"}]

    async def test_outside_the_claim_window_nothing_opens(self, classroom: Classroom) -> None:
        now = now_ms()
        batch = await classroom.made_batch(claim_window=ClaimWindow(now + 60_000, now + 90_000))
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now))

        assert answer.code is Code.WRONG_STATE
        assert (await classroom.batch(batch.id)).allotted == 0

    async def test_coupons_that_end_within_the_drop_are_not_dropped(
        self, classroom: Classroom
    ) -> None:
        now = now_ms()
        template = await classroom.made_template(validity=FixedValidity(now, now + 30_000))
        batch = await classroom.made_batch(template)
        form = DropForm(batch.id, 10, 60)
        answer = refused(await classroom.drops.create(ROOM, form, None, now))

        assert answer.facts["errors"] == [{"field": "duration_seconds", "code": "beyond_validity"}]


class TestSameRequestAgain:
    """I4: creating POSTs with the same Idempotency-Key create once."""

    async def test_it_shows_the_drop_that_was_made(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        first = granted(await classroom.drops.create(ROOM, form, KEY, now_ms()))
        await classroom.won(first.id, "s1")
        again = granted(await classroom.drops.create(ROOM, form, KEY, now_ms()))

        assert (again.id, again.remaining) == (first.id, 9)
        assert (await classroom.batch(batch.id)).allotted == 10

    async def test_at_the_same_moment_one_is_made(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        answers = await asyncio.gather(
            *(classroom.drops.create(ROOM, form, KEY, now_ms()) for _ in range(5))
        )

        assert len({granted(one).id for one in answers}) == 1
        assert (await classroom.batch(batch.id)).allotted == 10
        assert len(await classroom.told()) == 1

    async def test_with_another_body_it_is_refused(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        granted(await classroom.drops.create(ROOM, form, KEY, now_ms()))
        other = replace(KEY, body_hash="hash-2")
        answer = await classroom.drops.create(ROOM, form, other, now_ms())

        assert refused(answer).code is Code.IDEMPOTENCY_MISMATCH

    async def test_a_refusal_is_not_kept(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch(quantity=10)
        holding = await classroom.opened(batch)
        form = DropForm(batch.id, 10, 60)
        refused(await classroom.drops.create(ROOM, form, KEY, now_ms()))
        granted(await classroom.drops.close(holding.id, ROOM, now_ms()))

        granted(await classroom.drops.create(ROOM, form, KEY, now_ms()))

    async def test_a_day_later_the_key_is_free(self, classroom: Classroom) -> None:
        batch = await classroom.made_batch()
        form = DropForm(batch.id, 10, 60)
        first = granted(await classroom.drops.create(ROOM, form, KEY, now_ms()))
        later = now_ms() + 24 * 3600 * 1000 + 1
        second = granted(await classroom.drops.create(ROOM, form, KEY, later))

        assert second.id != first.id


async def test_another_rooms_drop_is_not_there(classroom: Classroom) -> None:
    drop, now = await classroom.opened(), now_ms()
    drops = classroom.drops
    answers = [
        await drops.get(drop.id, "102", now),
        await drops.open(drop.id, "102", now),
        await drops.close(drop.id, "102", now),
        await drops.top_up(drop.id, "102", 1, 10, now),
        await drops.extend(drop.id, "102", 1, drop.closes_at or 0, now),
        await drops.claims(drop.id, "102", None, 10, None),
        await drops.get("drp_nobody", ROOM, now),
    ]

    assert {refused(answer).code for answer in answers} == {Code.NOT_FOUND}
