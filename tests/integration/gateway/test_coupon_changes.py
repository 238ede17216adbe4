"""A coupon is put on an order, used, freed, given back, kept: its student's open pages hear of it, a later
welcome says the same, and so does a desk that was built anew. Nobody else hears anything."""

from collections.abc import Awaitable, Callable

import orjson
import pytest

from server.core.ids import StudentId
from server.core.instants import to_text
from server.desk.feed.coupon_changes import CouponChange
from server.desk.feed.feed import EVERYWHERE
from server.flows.coupons.publish_coupons import (
    confirmed_claim,
    mark_published,
    publish_coupons,
    publish_left_behind,
    read_statuses,
)
from server.ledger.coupons import coupon_changes
from tests.support.builders.api import good, serving
from tests.support.builders.checkouts import (
    BACK_AFTER_REFUND,
    KEPT_AFTER_CANCEL,
    Checkout,
    coupon_in_hand,
    seat,
    telling,
)
from tests.support.builders.classroom import ROOM, granted, now_ms
from tests.support.builders.typed_codes import bind, made_codes
from tests.support.eventually import eventually
from tests.support.gateways import Client, Frame, RunningGateway
from tests.support.servers.redis_server import RedisServer
from tests.support.worker_rig import WorkerRig, lost

pytestmark = pytest.mark.asyncio


async def changed(client: Client, state: str) -> Frame:
    """The next word about a coupon in that state: what moved twice in a moment is told once."""
    while True:
        frame = await client.next("coupon_changed")
        if frame["state"] == state:
            return frame


async def welcomed(gateway: RunningGateway, student: str = "s1") -> Frame:
    """The coupon of the only claim that a welcome tells of."""
    async with seat(gateway, student) as (_, welcome):
        (claim,) = welcome["claims"]
        coupon: Frame = claim["coupon"]
        return coupon


async def locked(checkout: Checkout) -> str:
    await checkout.lock()
    return "locked"


async def paid(checkout: Checkout) -> str:
    await checkout.pay(await checkout.lock())
    return "redeemed"


async def cancelled(checkout: Checkout) -> str:
    await checkout.cancel(await checkout.lock())
    return "usable"


async def out_of_time(checkout: Checkout) -> str:
    await checkout.let_expire(await checkout.lock())
    return "usable"


async def paid_late(checkout: Checkout) -> str:
    order = await checkout.lock()
    await checkout.let_expire(order)
    await checkout.pay(order)
    return "redeemed"


async def given_back(checkout: Checkout) -> str:
    await paid(checkout)
    await checkout.refund()
    return "usable"


async def kept(checkout: Checkout) -> str:
    await checkout.cancel(await checkout.lock())
    return "voided"


Story = Callable[[Checkout], Awaitable[str]]
STORIES: dict[str, tuple[Story, object]] = {
    "locked": (locked, None),
    "paid": (paid, None),
    "cancelled": (cancelled, None),
    "lock_ended": (out_of_time, None),
    "paid_late": (paid_late, None),
    "given_back_by_a_refund": (given_back, BACK_AFTER_REFUND),
    "kept_by_a_cancelled_order": (kept, KEPT_AFTER_CANCEL),
}


@pytest.mark.parametrize("story", STORIES)
async def test_every_move_reaches_the_open_sockets_and_the_next_welcome(
    rig: WorkerRig, gateway: RunningGateway, story: str
) -> None:
    move, returns = STORIES[story]
    checkout = await coupon_in_hand(rig, returns=returns)  # type: ignore[arg-type]
    async with (
        telling(rig),
        seat(gateway, "s1") as (phone, welcome),
        seat(gateway, "s1") as (laptop, _),
    ):
        assert welcome["claims"][0]["coupon"]["state"] == "usable"
        state = await move(checkout)
        told = await changed(phone, state)
        assert await changed(laptop, state) == told

    assert (told["coupon_id"], told["drop_id"]) == (checkout.coupon_id, checkout.drop_id)
    assert ("order_id" in told) == (state in ("locked", "redeemed"))
    coupon = await welcomed(gateway)
    of_coupon = {"state", "version", "order_id", "locked_until", "redeemed_at", "use_by"}
    assert {name: told[name] for name in told.keys() & of_coupon} == {
        name: coupon[name] for name in coupon.keys() & of_coupon
    }


async def test_a_lock_says_which_order_and_until_when(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    async with telling(rig), seat(gateway, "s1") as (client, _):
        order = await checkout.lock("order-7")
        told = await changed(client, "locked")
        assert (told["order_id"], told["locked_until"]) == ("order-7", to_text(order.expires_at))
        used = await checkout.pay(order)
        told = await changed(client, "redeemed")
    assert told["redeemed_at"] == to_text(used.updated_at)
    assert "locked_until" not in told


async def test_http_says_the_same(rig: WorkerRig, gateway: RunningGateway) -> None:
    checkout = await coupon_in_hand(rig)
    async with telling(rig), seat(gateway, "s1") as (client, _):
        await checkout.lock("order-7")
        await changed(client, "locked")
    async with serving(rig.ledger, rig.desk) as api:
        student = await api.student("s1", ROOM)
        body = {"request_id": "again"}
        claim = good(await student.post(f"/v1/drops/{checkout.drop_id}/claims", json=body))
        (coupon,) = good(await student.get("/v1/me/coupons"))["coupons"]
    assert (claim["coupon"]["state"], claim["coupon"]["order_id"]) == ("locked", "order-7")
    assert (coupon["state"], coupon["order_id"]) == ("locked", "order-7")
    assert coupon["locked_until"] == claim["coupon"]["locked_until"]


async def test_nobody_else_hears_anything(rig: WorkerRig, gateway: RunningGateway) -> None:
    checkout = await coupon_in_hand(rig)
    async with (
        telling(rig),
        seat(gateway, "s1") as (mine, _),
        seat(gateway, "s2") as (other, _),
    ):
        await checkout.pay(await checkout.lock())
        await changed(mine, "redeemed")
        # Whatever was on its way to the other comes before the answer to this.
        await other.send(type="claim", drop_id=checkout.drop_id, request_id="r1")
        heard: list[bytes] = []
        while not heard or b'"claim_result"' not in heard[-1]:
            said = await other.socket.recv()
            heard.append(said.encode() if isinstance(said, str) else said)
    assert not [text for text in heard if checkout.coupon_id.encode() in text]
    assert not [text for text in heard if b"coupon_changed" in text]


async def test_a_typed_code_is_told_of_in_whichever_room(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    (code,) = await made_codes(rig, await rig.classroom.made_batch(), 1)
    coupon = granted(await bind(rig, "s1", code))
    checkout = Checkout(rig, "", "s1", code, coupon.id)
    async with (
        telling(rig),
        seat(gateway, "s1") as (here, _),
        seat(gateway, "s1", "another") as (there, _),
    ):
        await checkout.lock("order-7")
        told = await changed(here, "locked")
        assert await changed(there, "locked") == told
    assert told["coupon_id"] == coupon.id
    assert "drop_id" not in told


async def test_every_gateway_hears(
    rig: WorkerRig, gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    async with (
        telling(rig),
        seat(gateway, "s1") as (one, _),
        seat(second_gateway, "s1", "another") as (two, _),
    ):
        await checkout.lock()
        assert await changed(one, "locked") == await changed(two, "locked")


# --- what fails on the way ----------------------------------------------------------------------


async def test_what_a_dead_process_left_behind_is_told_by_a_worker_once(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    async with seat(gateway, "s1") as (client, _):
        await checkout.lock()  # nobody is listening to this ledger
        later = now_ms() + 5_000
        assert await publish_left_behind(rig.stores, 2_000, later) == 1
        await changed(client, "locked")
        assert await publish_left_behind(rig.stores, 2_000, later) == 0


async def test_what_was_told_is_noted_and_left_alone(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    stores = rig.stores
    async with telling(rig), seat(gateway, "s1") as (client, _):
        await checkout.lock()
        await changed(client, "locked")

        async def is_noted() -> bool:
            async with rig.ledger.read() as conn:
                return not await coupon_changes.unpublished(conn, now_ms() + 1, 10)

        await eventually(is_noted, 5)
    assert await publish_left_behind(stores, 0, now_ms() + 1) == 0


async def test_a_move_while_it_is_told_is_told_as_well(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    """The version that was published is noted as published, and no later one."""
    checkout = await coupon_in_hand(rig)
    stores = rig.stores
    order = await checkout.lock()
    told = await publish_coupons(stores, [checkout.coupon_id])
    await checkout.pay(order)
    await mark_published(stores, told)
    async with seat(gateway, "s1") as (client, _):
        assert await publish_left_behind(stores, 0, now_ms() + 1) == 1
        await changed(client, "redeemed")


async def test_an_older_word_does_not_win_on_the_desk(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    stores = rig.stores
    order = await checkout.lock()
    async with rig.ledger.read() as conn:
        before = await read_statuses(conn, [checkout.coupon_id])
    await checkout.pay(order)
    await publish_coupons(stores, [checkout.coupon_id])
    stale = confirmed_claim(before[0])
    assert stale is not None
    await stores.desk.replace_coupons(before[0].shard or 0, [stale])
    assert (await welcomed(gateway))["state"] == "redeemed"


async def test_a_claim_that_is_confirmed_again_keeps_what_became_of_its_coupon(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    await checkout.pay(await checkout.lock())
    await publish_coupons(rig.stores, [checkout.coupon_id])
    await rig.confirm(checkout.drop_id)
    assert (await welcomed(gateway))["state"] == "redeemed"


async def test_a_desk_that_was_built_anew_tells_the_same(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    await checkout.lock("order-7")
    await publish_coupons(rig.stores, [checkout.coupon_id])
    before = await welcomed(gateway)
    shard = (await rig.classroom.row(checkout.drop_id)).shard
    assert await rig.rebuilder.rebuild(shard, now_ms())
    assert await welcomed(gateway) == before
    assert before["order_id"] == "order-7"


async def test_a_desk_that_was_lost_before_it_was_told_tells_it_too(
    flushable_rig: WorkerRig, flushable_redis: RedisServer
) -> None:
    rig = flushable_rig
    checkout = await coupon_in_hand(rig)
    await checkout.pay(await checkout.lock())
    await lost(rig, flushable_redis)
    await rig.rebuild_all()
    shard = (await rig.classroom.row(checkout.drop_id)).shard
    ((held,),) = await rig.desk.drops.claims_of([(shard, checkout.drop_id, ["s1"])])
    assert held is not None
    assert orjson.loads(held.coupon)["state"] == "redeemed"


async def test_where_the_desk_is_away_it_is_told_when_it_is_back(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    stores = rig.stores
    shard = (await rig.classroom.row(checkout.drop_id)).shard
    await checkout.lock()
    await rig.fence.shut(shard)
    later = now_ms() + 5_000
    async with seat(gateway, "s1") as (client, _):
        assert await publish_left_behind(stores, 2_000, later) == 0
        await rig.rebuild_all()
        assert await publish_left_behind(stores, 2_000, later) == 1
        await changed(client, "locked")


async def test_a_gateway_that_did_not_hear_finds_it_in_the_stream(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    """A publication that reached nobody, and one behind it that shows the gap."""
    checkout = await coupon_in_hand(rig)
    feed = rig.desk.feed
    async with telling(rig), seat(gateway, "s1") as (client, _):
        keys = feed._keys(EVERYWHERE)
        channel = rig.desk.redis
        await _publish_silently(
            rig, CouponChange(StudentId("s1"), {"type": "coupon_changed", "state": "x"})
        )
        assert await channel.xlen(keys.losses) == 1
        await checkout.lock()
        assert (await client.next("coupon_changed"))["state"] == "x"
        await changed(client, "locked")


async def test_what_no_stream_has_any_more_is_in_a_welcome_for_everybody(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    checkout = await coupon_in_hand(rig)
    feed = rig.desk.feed
    await checkout.lock("order-7")
    async with seat(gateway, "s1") as (client, welcome):
        assert welcome["claims"][0]["coupon"]["state"] == "usable"
        await _publish_silently(rig, CouponChange(StudentId("s1"), {}))
        await rig.desk.redis.delete(feed._keys(EVERYWHERE).losses)
        await publish_coupons(rig.stores, [checkout.coupon_id])
        anew = await client.next("welcome")
    assert anew["claims"][0]["coupon"]["order_id"] == "order-7"


async def _publish_silently(rig: WorkerRig, change: CouponChange) -> None:
    """Into the stream, on a channel that nobody listens to."""
    feed = rig.desk.feed
    keys = feed._keys(EVERYWHERE)
    told = orjson.dumps([[change.student, change.frame]])
    names = [keys.feed, keys.stream, keys.losses, f"{keys.channel}:nobody"]
    await feed._scripts.run("publish_losses", names, ["changed", told, 100])
