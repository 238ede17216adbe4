"""A gateway cut off from Redis in every way a network knows: whoever stays connected misses nothing that
was said meanwhile, and hears nothing twice."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from server.clock import now_ms
from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import RoomDrop
from server.core.ids import CouponId, DropId, StudentId
from server.desk.claims import claim_record
from server.desk.feed.feed_messages import Confirmation, FeedKind, Loss
from server.desk.feed.subscription import ServerSubscription
from server.desk.redis.connection import connect
from server.desk.shards.fence import ConfirmedClaim
from server.gateway.cadence import Cadence
from server.gateway.rooms.feed.feed_follower import FeedFollower
from tests.support.builders.desks import SHARD, Desk, a_room_drop, make_desk
from tests.support.eventually import eventually
from tests.support.gateways import Client, Frame, RunningGateway, serve_gateway
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.tcp_proxy import TcpProxy, Way

pytestmark = pytest.mark.asyncio

ROOM = "r1"
GIVE_UP_S = 15


@dataclass(frozen=True, slots=True)
class School:
    """A gateway that reaches Redis through `network`, and everybody else, who reaches it without."""

    gateway: RunningGateway
    network: TcpProxy
    desk: Desk

    async def open_drop(self, drop_id: str) -> RoomDrop:
        window = await self.desk.open(drop_id)
        assert window is not None
        shown = a_room_drop(drop_id, window=window)
        await self.desk.feed.publish(f"int_{drop_id}", FeedKind.OPENED, shown)
        return shown

    async def confirm(self, student: str) -> None:
        ((held,),) = await self.desk.drops.claims_of([(SHARD, "drp_0", [student])])
        assert held is not None
        coupon = orjson.dumps(coupon_of(student))
        claim = ConfirmedClaim(DropId("drp_0"), StudentId(student), held.claim_id, coupon)
        await self.desk.fence.confirm(SHARD, [claim])
        told = Confirmation(StudentId(student), DropId("drp_0"), coupon)
        await self.desk.feed.publish_confirmations(ROOM, [told])

    async def release(self, student: str) -> None:
        ((held,),) = await self.desk.drops.claims_of([(SHARD, "drp_0", [student])])
        assert held is not None
        assert await self.desk.drops.release(SHARD, "drp_0", {StudentId(student): held.claim_id})
        loss = Loss(
            "coupon_released",
            StudentId(student),
            DropId("drp_0"),
            CouponId(f"cpn_{student}"),
            "hold_ended",
        )
        await self.desk.feed.publish_losses(ROOM, [loss])

    @property
    def hears(self) -> bool:
        """Return whether the gateway takes its connection for alive."""
        subscription = self.gateway.parts.subscription
        assert isinstance(subscription, ServerSubscription)
        return subscription._pubsub is not None


def coupon_of(student: str) -> dict[str, str]:
    return {"id": f"cpn_{student}", "code": "AAAA", "name": "Ten off"}


@asynccontextmanager
async def school_on(server: RedisServer, prefix: str, folder: Path) -> AsyncIterator[School]:
    path = str(folder / "net")
    async with TcpProxy(server.path, path=path) as network:
        beside, through, listener = (
            connect(url) for url in (server.url, f"unix://{path}", f"unix://{path}")
        )
        desk, cut_off = make_desk(beside, prefix), make_desk(through, prefix)
        await desk.arm()
        # What is missing after a gap must be brought by the repair of the gap, not by a job that comes
        # anyway.
        cadence = Cadence(unconfirmed_s=3_600, housekeeping_s=3_600)
        async with serve_gateway(cut_off, listener, cadence=cadence) as gateway:
            yield School(gateway, network, desk)
            await network.heal()
        await cut_off.claims.close()
        for redis in (beside, through, listener):
            await redis.aclose()


@pytest_asyncio.fixture
async def school(
    redis_server: RedisServer, key_prefix: str, tmp_path: Path
) -> AsyncIterator[School]:
    async with school_on(redis_server, key_prefix, tmp_path) as made:
        yield made


async def heard_until(client: Client, drop_id: str) -> list[Frame]:
    """Everything up to the opening of that drop."""
    frames: list[Frame] = []
    while True:
        frames.append(await client.next())
        if frames[-1].get("drop", {}).get("id") == drop_id:
            return frames


def openings(frames: list[Frame]) -> list[str]:
    return [frame["drop"]["id"] for frame in frames if frame["type"] == "drop_opened"]


def kinds(frames: list[Frame], *wanted: str) -> list[str]:
    return [frame["type"] for frame in frames if frame["type"] in wanted]


async def reset(network: TcpProxy) -> None:
    await network.refuse()
    network.cut()


async def black_hole(network: TcpProxy) -> None:
    network.hold()


async def answers_lost(network: TcpProxy) -> None:
    network.hold(Way.DOWN)


async def questions_lost(network: TcpProxy) -> None:
    network.hold(Way.UP)


CUTS = [reset, black_hole, answers_lost, questions_lost]
Cut = Callable[[TcpProxy], "object"]


@pytest.mark.parametrize("cut", CUTS)
class TestCut:
    async def test_what_was_said_meanwhile_is_told_once_and_in_order(
        self, school: School, cut: Cut
    ) -> None:
        async with (
            school.gateway.student("ada") as (ada, _),
            school.gateway.student("bob") as (bob, _),
            school.gateway.student("t", role="instructor") as (teacher, _),
        ):
            await school.open_drop("drp_0")
            for client in (ada, bob):
                assert (await client.claim("drp_0"))["outcome"] == "won"
            await school.confirm("bob")
            await bob.next("claim_confirmed")
            await teacher.next("drop_opened")

            await cut(school.network)  # type: ignore[misc]
            await eventually(lambda: not school.hears, GIVE_UP_S)
            await school.open_drop("drp_1")
            await school.confirm("ada")
            await school.release("bob")
            await school.open_drop("drp_2")
            await school.network.heal()
            await eventually(lambda: school.hears, GIVE_UP_S)
            await school.open_drop("drp_3")
            await eventually(lambda: _knows(school, "drp_3"), GIVE_UP_S)

            theirs = [await heard_until(client, "drp_3") for client in (ada, bob, teacher)]
            assert [openings(frames)[-3:] for frames in theirs] == [["drp_1", "drp_2", "drp_3"]] * 3
            told = await _rest_of(ada, theirs[0])
            assert kinds(await _rest(ada, told), "claim_confirmed") == ["claim_confirmed"]
            assert kinds(await _rest(bob, theirs[1]), "coupon_released") == ["coupon_released"]


async def _knows(school: School, drop_id: str) -> bool:
    room = school.gateway.gateway.rooms.get(ROOM)
    return room is not None and drop_id in room.drops


async def _rest(client: Client, frames: list[Frame]) -> list[Frame]:
    """Read what is still to come: the reply to a tap is the last frame."""
    await client.send(type="claim", drop_id="drp_3", request_id="last")
    more = [await client.next()]
    while more[-1]["type"] != "claim_result":
        more.append(await client.next())
    return frames + more


async def test_without_healing_the_same_cut_loses_drops(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a gateway that trusts its connection."""
    async with school.gateway.student("ada") as (ada, _):
        await school.open_drop("drp_0")
        await ada.next("drop_opened")
        monkeypatch.setattr(FeedFollower, "heal_soon", lambda _follower, _name: None)
        await reset(school.network)
        await eventually(lambda: not school.hears, GIVE_UP_S)
        await school.open_drop("drp_1")
        await school.network.heal()
        await eventually(lambda: school.hears, GIVE_UP_S)
        await ada.send(type="claim", drop_id="drp_0", request_id="r1")
        frames = [await ada.next()]
        while frames[-1]["type"] != "claim_result":
            frames.append(await ada.next())
        assert openings(frames) == []


async def test_a_claim_whose_answer_was_lost_is_won_when_it_is_asked_again(school: School) -> None:
    async with school.gateway.student("ada") as (ada, _):
        await school.open_drop("drp_0")
        await ada.next("drop_opened")
        await answers_lost(school.network)
        told = await ada.claim("drp_0")
        assert (told["outcome"], told["retry_after_ms"]) == ("retry", 500)
        await school.network.heal()
        assert (await ada.claim("drp_0"))["outcome"] == "won"
        counts = await school.desk.drops.counts(SHARD, "drp_0")
        assert counts is not None
        assert counts.claimed == 1


async def test_connections_killed_again_and_again_lose_nothing(school: School) -> None:
    async with school.gateway.student("ada") as (ada, _):
        for number in range(20):
            await school.desk.redis.client_kill_filter(_type="pubsub")
            await school.open_drop(f"drp_{number}")
        assert openings(await heard_until(ada, "drp_19")) == [f"drp_{n}" for n in range(20)]


async def test_what_was_won_on_another_device_meanwhile_is_told_here_too(school: School) -> None:
    """There by another gateway, here nobody was told `won`."""
    async with school.gateway.student("ada") as (ada, _):
        await school.open_drop("drp_0")
        await ada.next("drop_opened")
        await black_hole(school.network)
        await eventually(lambda: not school.hears, GIVE_UP_S)
        assert (await school.desk.tap("ada", "drp_0")).outcome is Outcome.WON
        await school.confirm("ada")
        await school.network.heal()
        assert (await ada.next("claim_confirmed"))["coupon"] == coupon_of("ada")


async def test_a_frozen_server_is_noticed_and_followed_again(
    flushable_redis: RedisServer, key_prefix: str, tmp_path: Path
) -> None:
    async with (
        school_on(flushable_redis, key_prefix, tmp_path) as school,
        school.gateway.student("ada") as (ada, _),
    ):
        await school.open_drop("drp_0")
        assert (await ada.claim("drp_0"))["outcome"] == "won"
        flushable_redis.freeze()
        try:
            await eventually(lambda: not school.hears, GIVE_UP_S)
            assert (await ada.claim("drp_0"))["outcome"] == "retry"
        finally:
            flushable_redis.thaw()
        await school.confirm("ada")
        await school.open_drop("drp_1")
        await school.open_drop("drp_2")
        frames = await heard_until(ada, "drp_2")
        assert openings(frames) == ["drp_1", "drp_2"]
        assert kinds(await _rest_of(ada, frames), "claim_confirmed") == ["claim_confirmed"]


async def _rest_of(client: Client, frames: list[Frame]) -> list[Frame]:
    """A confirmation is in no stream: the look at the desk brings it that follows the catching up, on a
    connection of its own, and what is published meanwhile is pushed before it. Drops have an order, and
    losses; a coupon belongs to one student and has none."""
    while "claim_confirmed" not in [frame["type"] for frame in frames]:
        frames.append(await client.next())
    return frames


class TestLosses:
    async def test_more_than_the_stream_keeps_are_told_by_the_whole_state(
        self, school: School
    ) -> None:
        async with school.gateway.student("ada") as (ada, _):
            await school.open_drop("drp_0")
            await ada.claim("drp_0")
            await school.confirm("ada")
            await ada.next("claim_confirmed")
            await black_hole(school.network)
            await eventually(lambda: not school.hears, GIVE_UP_S)
            await school.release("ada")
            stranger = Loss(
                "coupon_released", StudentId("zoe"), DropId("drp_0"), None, "hold_ended"
            )
            for _ in range(200):
                await school.desk.feed.publish_losses(ROOM, [stranger])
            await school.network.heal()
            (claim,) = (await ada.next("welcome"))["claims"]
            assert (claim["drop_id"], claim["state"]) == ("drp_0", "released")

    async def test_one_that_a_rebuild_found_is_told_at_once_behind_a_gap(
        self, school: School
    ) -> None:
        async with school.gateway.student("ada") as (ada, _):
            await school.open_drop("drp_0")
            await ada.claim("drp_0")
            await black_hole(school.network)
            await eventually(lambda: not school.hears, GIVE_UP_S)
            ((held,),) = await school.desk.drops.claims_of([(SHARD, "drp_0", ["ada"])])
            assert held is not None
            revoked = claim_record.dump(replace(held, state=ClaimState.REVOKED))
            await school.desk.redis.hset(school.desk.keys().holders("drp_0"), "ada", revoked)
            await school.network.heal()
            assert (await ada.next("claim_revoked"))["drop_id"] == "drp_0"


async def test_a_drop_that_is_closed_while_nobody_hears_is_closed_for_everybody(
    school: School,
) -> None:
    async with school.gateway.student("ada") as (ada, _):
        drop = await school.open_drop("drp_0")
        await ada.next("drop_opened")
        await black_hole(school.network)
        await eventually(lambda: not school.hears, GIVE_UP_S)
        closed = replace(drop, closed_at=now_ms())
        await school.desk.feed.publish("int_close", FeedKind.CLOSED, closed)
        await school.network.heal()
        assert (await ada.next("drop_closed"))["drop_id"] == "drp_0"
