"""The feed of a room: each publication once and in order, and a new epoch where the order was lost."""

import asyncio
from pathlib import Path

import orjson
import pytest

from server.core.drops.drops import CloseReason
from server.core.ids import DropId, StudentId
from server.desk.feed.feed import RoomCounts
from server.desk.feed.feed_messages import Confirmation, FeedKind, Loss, Losses
from server.desk.redis.connection import connect
from tests.support.builders.desks import Desk, a_room_drop, make_desk
from tests.support.faults.interruptions import copy_of, hang_up
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import listening

pytestmark = pytest.mark.asyncio

ROOM = "r1"
CLOSED_AT = 2_000_000_000_000


async def test_publications_are_numbered_and_can_be_read_again(desk: Desk) -> None:
    drop = a_room_drop()
    larger = a_room_drop(quantity=5)
    assert await desk.feed.publish("int_1", FeedKind.OPENED, drop) == 1
    assert await desk.feed.publish("int_2", FeedKind.CHANGED, larger) == 2

    told = await desk.feed.publications_since(ROOM, 0)
    assert [(one.kind, one.offset, one.drop) for one in told] == [
        (FeedKind.OPENED, 1, drop),
        (FeedKind.CHANGED, 2, larger),
    ]
    assert [one.offset for one in await desk.feed.publications_since(ROOM, 1)] == [2]


async def test_the_same_publication_is_told_once(desk: Desk) -> None:
    first = await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    again = await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop(message="other"))

    assert first == again
    assert len(await desk.feed.publications_since(ROOM, 0)) == 1


async def test_of_many_who_publish_the_same_at_once_one_does(desk: Desk) -> None:
    offsets = await asyncio.gather(
        *(desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop()) for _ in range(20))
    )

    assert set(offsets) == {1}
    assert len(await desk.feed.publications_since(ROOM, 0)) == 1


async def test_nobody_hears_of_an_opening_that_was_given_up_untold(desk: Desk) -> None:
    """Nor when the process that was opening it wakes up, nor by another end."""
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop("drp_1"))
    over = a_room_drop("drp_2", closed_at=CLOSED_AT, close_reason=CloseReason.CANCELLED)
    for _ in range(2):
        await desk.feed.publish_cancelled_opening("drp_2:closed", over)
    await desk.feed.publish("int_2", FeedKind.OPENED, a_room_drop("drp_2"))
    await desk.feed.publish("drp_2:stopped", FeedKind.CLOSED, over)
    state = await desk.feed.state(ROOM)

    assert [one.drop.id for one in await desk.feed.publications_since(ROOM, 0)] == ["drp_1"]
    assert ([drop.id for drop in state.drops], state.offset) == (["drp_1"], 1)


async def test_a_room_that_was_told_hears_that_it_was_given_up(desk: Desk) -> None:
    over = a_room_drop(closed_at=CLOSED_AT, close_reason=CloseReason.CANCELLED)
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    await desk.feed.publish_cancelled_opening("drp_1:closed", over)

    assert [one.drop for one in await desk.feed.publications_since(ROOM, 1)] == [over]
    assert (await desk.feed.state(ROOM)).drops == (over,)


async def test_the_state_shows_each_drop_as_it_was_told_last(desk: Desk) -> None:
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop("drp_1"))
    await desk.feed.publish("int_2", FeedKind.OPENED, a_room_drop("drp_2"))
    await desk.feed.publish("int_3", FeedKind.CHANGED, a_room_drop("drp_1", quantity=9))
    state = await desk.feed.state(ROOM)

    assert {drop.id: drop.quantity for drop in state.drops} == {"drp_1": 9, "drp_2": 3}
    assert state.offset == 3


async def test_a_drop_closed_long_ago_leaves_the_state(desk: Desk) -> None:
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    await desk.feed.publish("int_2", FeedKind.CLOSED, a_room_drop(closed_at=1_000))

    assert (await desk.feed.state(ROOM)).drops == ()


class TestEnd:
    @pytest.mark.parametrize("kind", [FeedKind.OPENED, FeedKind.CHANGED])
    async def test_nothing_is_told_of_a_drop_behind_its_end(
        self, desk: Desk, kind: FeedKind
    ) -> None:
        await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
        await desk.feed.publish("int_2", FeedKind.CLOSED, a_room_drop(closed_at=CLOSED_AT))
        offset = await desk.feed.publish("int_3", kind, a_room_drop(quantity=9))
        (drop,) = (await desk.feed.state(ROOM)).drops

        assert (offset, drop.closed_at) == (2, CLOSED_AT)

    async def test_a_room_that_shows_it_open_is_corrected_once(self, desk: Desk) -> None:
        await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
        closed = a_room_drop(closed_at=CLOSED_AT)
        await desk.feed.correct("rebuild_1", closed)
        await desk.feed.correct("rebuild_2", closed)

        assert [one.kind for one in await desk.feed.publications_since(ROOM, 0)] == [
            "opened",
            "closed",
        ]

    async def test_a_room_that_never_showed_it_is_not_told_of_its_end(self, desk: Desk) -> None:
        await desk.feed.correct("rebuild_1", a_room_drop(closed_at=CLOSED_AT))

        assert await desk.feed.publications_since(ROOM, 0) == []


class TestEpoch:
    async def test_it_stays_while_the_server_runs(self, desk: Desk) -> None:
        before = await desk.feed.state(ROOM)
        await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
        (told,) = await desk.feed.publications_since(ROOM, 0)

        assert (await desk.feed.state(ROOM)).epoch == told.epoch == before.epoch

    @pytest.mark.parametrize("first", ["state", "publish"])
    async def test_a_restart_begins_a_new_one_and_keeps_the_drops(
        self, flushable_redis: RedisServer, first: str
    ) -> None:
        desk, before = await _told_one(flushable_redis)
        flushable_redis.kill9()
        flushable_redis.restart()
        await hang_up(desk)
        if first == "publish":
            await desk.feed.publish("int_2", FeedKind.OPENED, a_room_drop("drp_2"))
        after = await desk.feed.state(ROOM)

        assert after.epoch != before
        assert after.offset == (1 if first == "publish" else 0)
        assert "drp_1" in {drop.id for drop in after.drops}
        assert [one.offset for one in await desk.feed.publications_since(ROOM, 0)] == (
            [1] if first == "publish" else []
        )
        await desk.redis.aclose()

    async def test_an_older_copy_has_an_epoch_of_its_own(
        self, flushable_redis: RedisServer, tmp_path: Path
    ) -> None:
        desk, before = await _told_one(flushable_redis)
        copy = copy_of(flushable_redis, tmp_path / "copy")
        epochs = {before}
        for _ in range(2):
            copy.restore()
            await hang_up(desk)
            epochs.add((await desk.feed.state(ROOM)).epoch)

        assert len(epochs) == 3
        await desk.redis.aclose()


async def _told_one(server: RedisServer) -> tuple[Desk, str]:
    desk = make_desk(connect(server.url), "p")
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    return desk, (await desk.feed.state(ROOM)).epoch


class TestStudentsOwn:
    async def test_confirmations_are_heard_and_take_no_place_in_the_order(self, desk: Desk) -> None:
        async with listening(desk, ROOM) as listener:
            coupon = {"id": "cpn_1", "code": "AAAA"}
            told = Confirmation(StudentId("ada"), DropId("drp_1"), orjson.dumps(coupon))
            await desk.feed.publish_confirmations(ROOM, [told])

            assert await listener.next("confirmed") == [["ada", "drp_1", coupon]]
        assert (await desk.feed.state(ROOM)).offset == 0

    async def test_losses_are_heard(self, desk: Desk) -> None:
        async with listening(desk, ROOM) as listener:
            loss = Loss("claim_revoked", StudentId("ada"), DropId("drp_1"), None, "nothing_left")
            await desk.feed.publish_losses(ROOM, [loss])

            assert await listener.next("lost") == [
                ["claim_revoked", "ada", "drp_1", None, "nothing_left"]
            ]

    async def test_losses_are_numbered_by_themselves_and_can_be_read_again(
        self, desk: Desk
    ) -> None:
        ada, bob = (
            Loss("coupon_released", StudentId(student), DropId("drp_1"), None, "hold_ended")
            for student in ("ada", "bob")
        )
        await desk.feed.publish_losses(ROOM, [ada])
        await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
        await desk.feed.publish_losses(ROOM, [bob])
        state = await desk.feed.state(ROOM)

        assert (state.offset, state.losses) == (1, 2)
        assert await desk.feed.losses_since(ROOM, 0) == [
            Losses(state.epoch, 1, (ada,)),
            Losses(state.epoch, 2, (bob,)),
        ]
        assert await desk.feed.losses_since(ROOM, 1) == [Losses(state.epoch, 2, (bob,))]

    async def test_losses_of_a_feed_that_is_gone_are_not_told_again(self, desk: Desk) -> None:
        loss = Loss("claim_revoked", StudentId("ada"), DropId("drp_1"), None, "nothing_left")
        await desk.feed.publish_losses(ROOM, [loss])
        await desk.redis.delete(desk.feed._keys(ROOM).feed)
        await desk.feed.publish_losses(ROOM, [loss])

        assert [one.offset for one in await desk.feed.losses_since(ROOM, 0)] == [1]


class TestAudience:
    async def test_gateways_add_up(self, desk: Desk) -> None:
        await desk.feed.report_presence(ROOM, "gwy_1", 3)
        assert await desk.feed.report_presence(ROOM, "gwy_2", 4) == 7
        assert await desk.feed.report_presence(ROOM, "gwy_1", 1) == 5

    async def test_reached_counts_students_not_screens(self, desk: Desk) -> None:
        await desk.feed.add_seen(ROOM, "drp_1", ["ada", "bob"])
        await desk.feed.add_seen(ROOM, "drp_1", ["bob"])

        assert await desk.feed.audience_counts(ROOM, "drp_1") == RoomCounts(0, 2)

    async def test_a_board_is_what_was_written_last(self, desk: Desk) -> None:
        await desk.feed.write_live_counts(ROOM, "drp_1", {"redeemed": 1, "gmv": 500})
        await desk.feed.write_live_counts(ROOM, "drp_1", {"redeemed": 2, "gmv": 900})
        await desk.feed.add_seen(ROOM, "drp_1", ["ada"])

        assert await desk.feed.read_live_counts([(ROOM, "drp_1"), (ROOM, "drp_2")]) == [
            {"redeemed": 2, "gmv": 900, "reached": 1},
            {"reached": 0},
        ]
