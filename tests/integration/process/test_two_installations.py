"""Two installations on one Redis server, in databases of their own, with the same prefix, room, drop and
students: nothing of one reaches a socket of the other. Redis' channels know no databases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import orjson
import pytest
import pytest_asyncio

from server.core.ids import CouponId, DropId, StudentId
from server.desk.feed.feed_messages import Confirmation, FeedKind, Loss, dump_confirmations
from server.desk.keys import RoomKeys, channel_in
from server.desk.redis.connection import connect
from tests.support.builders.desks import a_room_drop, make_desk
from tests.support.gateways import Client, Frame, RunningGateway, serve_gateway
from tests.support.servers.redis_server import RedisServer

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def both(redis_server: RedisServer, key_prefix: str) -> AsyncIterator[list[RunningGateway]]:
    """The installations use database 0 and database 1."""
    async with AsyncExitStack() as stack:
        found = []
        for database in (0, 1):
            redis, listener = (connect(f"{redis_server.url}?db={database}") for _ in range(2))
            stack.push_async_callback(redis.aclose)
            stack.push_async_callback(listener.aclose)
            desk = make_desk(redis, key_prefix)
            await desk.arm()
            stack.push_async_callback(desk.claims.close)
            name = "gwy_1"  # an id of a gateway is random; even the same one must not do harm
            found.append(await stack.enter_async_context(serve_gateway(desk, listener, name)))
        yield found


async def opened(one: RunningGateway, message: str) -> None:
    window = await one.desk.open()
    assert window is not None
    drop = a_room_drop(window=window, message=message)
    await one.desk.feed.publish("int_1", FeedKind.OPENED, drop)


async def everything(one: RunningGateway, code: str) -> None:
    """A win, its confirmation and its loss, as a worker tells them."""
    coupon = orjson.dumps({"id": code, "code": code, "name": "Ten off"})
    await one.desk.feed.publish_confirmations(
        "r1", [Confirmation(StudentId("amy"), DropId("drp_1"), coupon)]
    )
    loss = Loss("coupon_released", StudentId("amy"), DropId("drp_1"), CouponId(code), "hold_ended")
    await one.desk.feed.publish_losses("r1", [loss])


async def first_frames(client: Client) -> Sequence[object]:
    """Collect the first frames about the drop, the coupon and its loss, in whichever order. The drop is
    written in the next turn of the event loop, so a confirmation that came in the same read precedes it."""
    first: dict[str, Frame] = {}
    while not first.keys() >= {"drop_opened", "claim_confirmed", "coupon_released"}:
        frame = await client.next()
        first.setdefault(frame["type"], frame)
    opened, confirmed = first["drop_opened"], first["claim_confirmed"]
    return (
        opened["drop"]["message"],
        confirmed["coupon"]["code"],
        first["coupon_released"]["coupon_id"],
    )


async def _told(both: Sequence[RunningGateway]) -> list[Sequence[object]]:
    one, two = both
    async with one.student("amy") as (at_one, _), two.student("amy") as (at_two, _):
        # The other first: what strays comes before one's own.
        await opened(two, "of two")
        await everything(two, "TWO")
        await opened(one, "of one")
        await everything(one, "ONE")
        return [await first_frames(at_one), await first_frames(at_two)]


async def test_each_hears_its_own(both: list[RunningGateway]) -> None:
    assert await _told(both) == [("of one", "ONE", "ONE"), ("of two", "TWO", "TWO")]


async def test_without_the_number_they_hear_each_other(
    redis_server: RedisServer, key_prefix: str
) -> None:
    """The control: what is published under a name without the number comes to whoever listens to it."""
    of_zero, of_one = (connect(f"{redis_server.url}?db={database}") for database in (0, 1))
    channel = RoomKeys(key_prefix, "r1", 0).channel
    pubsub = of_zero.pubsub()
    await pubsub.ssubscribe(channel)
    assert (await pubsub.get_message(timeout=5)) is not None
    await of_one.spublish(channel, b"stray")
    message = await pubsub.get_message(timeout=5)

    assert message is not None
    assert message["data"] == b"stray"
    await pubsub.aclose()  # type: ignore[no-untyped-call]
    await of_zero.aclose()
    await of_one.aclose()


async def test_a_confirmation_of_another_feed_is_let_pass(both: list[RunningGateway]) -> None:
    """Somebody with the same prefix and database, or a feed that is gone."""
    one, _ = both
    stray = Confirmation(StudentId("amy"), DropId("drp_1"), b'{"id":"x","code":"STRAY"}')
    async with one.student("amy") as (client, _):
        message = dump_confirmations([stray]) + b'elsewhere"}'
        await one.desk.redis.spublish(RoomKeys(one.desk.prefix, "r1").channel, message)
        await everything(one, "ONE")

        assert (await client.next("claim_confirmed"))["coupon"]["code"] == "ONE"


async def test_names_of_database_0_are_those_of_the_version_before() -> None:
    assert RoomKeys("p", "r1").channel == "p:{r1}:channel"
    assert RoomKeys("p", "r1", 3).channel == "p:{r1}:channel@3"
    assert channel_in(0, "p:heartbeat:gwy_1") == "p:heartbeat:gwy_1"
    assert channel_in(2, "p:heartbeat:gwy_1") == "p:heartbeat:gwy_1@2"
