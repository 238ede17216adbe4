"""A hold ends while the class goes on: its student is told, all see the free unit, the next tap gets it.

The tests run a whole worker and a real gateway, with HTTP beside it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.flows.drops.end_holds import end_holds
from tests.support.builders.api import good, serving
from tests.support.builders.classroom import ROOM, now_ms
from tests.support.faults.interruptions import interpose
from tests.support.gateways import Client, Frame, RunningGateway, a_token
from tests.support.worker_rig import WorkerRig, at_work

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def seat(gateway: RunningGateway, student: str) -> AsyncIterator[tuple[Client, Frame]]:
    async with gateway.socket(ROOM) as client:
        await client.send(type="hello", token=a_token(student, room=ROOM))
        yield client, await client.next("welcome")


async def one_unit(rig: WorkerRig, hold_seconds: int = 1) -> str:
    batch = await rig.classroom.made_batch(hold_seconds=hold_seconds)
    return (await rig.classroom.opened(batch, quantity=1)).id


async def open_again(client: Client) -> Frame:
    """Return the frames that everybody gets when a sold out drop has a unit again."""
    while True:
        progress = await client.next("drop_progress")
        if progress["state"] == "open":
            return progress


async def test_the_next_tap_gets_it(rig: WorkerRig, gateway: RunningGateway) -> None:
    drop_id = await one_unit(rig)
    async with (
        at_work(rig),
        seat(gateway, "s1") as (first, welcome),
        seat(gateway, "s1") as (second, _),
        seat(gateway, "s2") as (other, _),
    ):
        assert [drop["hold_seconds"] for drop in welcome["drops"]] == [1]
        assert (await first.claim(drop_id))["outcome"] == "won"
        coupon = (await first.next("claim_confirmed"))["coupon"]
        assert (await second.next("claim_confirmed"))["coupon"] == coupon
        assert coupon["use_by"] < coupon["valid_until"]
        assert (await other.claim(drop_id))["outcome"] == "sold_out"

        lost_frame = {
            "type": "coupon_released",
            "drop_id": drop_id,
            "coupon_id": coupon["id"],
            "reason": "hold_ended",
        }
        assert await first.next("coupon_released") == lost_frame
        assert await second.next("coupon_released") == lost_frame
        assert (await open_again(other))["remaining"] == 1
        assert (await other.claim(drop_id, "again"))["outcome"] == "won"
        assert (await first.claim(drop_id, "again"))["outcome"] == "released"


async def test_who_claims_by_http_gets_it_as_well(rig: WorkerRig, gateway: RunningGateway) -> None:
    drop_id = await one_unit(rig)
    async with (
        at_work(rig),
        serving(rig.ledger, rig.desk) as api,
        seat(gateway, "s1") as (first, _),
    ):
        client = await api.student("s2", ROOM)

        async def outcome(request_id: str) -> str:
            body = {"request_id": request_id}
            answer = await client.post(f"/v1/drops/{drop_id}/claims", json=body)
            return str(good(answer)["outcome"])

        assert (await first.claim(drop_id))["outcome"] == "won"
        assert await outcome("r1") == "sold_out"
        await first.next("coupon_released")
        assert await outcome("r2") == "won"


async def test_who_was_away_sees_it_in_the_welcome_and_the_wallet(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    drop_id = await one_unit(rig, hold_seconds=60)
    await rig.classroom.won(drop_id, "s1")
    await rig.confirm(drop_id)
    async with serving(rig.ledger, rig.desk) as api:
        wallet = await api.student("s1", ROOM)
        (before,) = good(await wallet.get("/v1/me/coupons"))["coupons"]
        async with seat(gateway, "s1") as (_, welcome):
            (held,) = welcome["claims"]
            assert held["state"] == "confirmed"
            assert held["coupon"]["use_by"] == before["use_by"]
        await end_holds(rig.stores, now_ms() + 61_000)
        (after,) = good(await wallet.get("/v1/me/coupons?state=released"))["coupons"]
        assert after["id"] == before["id"]

    async with seat(gateway, "s1") as (client, welcome):
        (gone,) = welcome["claims"]
        assert gone == {"drop_id": drop_id, "state": "released", "won_at": held["won_at"]}
        # The room was empty: its numbers are a second old at most when somebody joins.
        assert (await open_again(client))["remaining"] == 1


async def test_who_could_not_hear_it_is_told_when_they_can(
    rig: WorkerRig, gateway: RunningGateway
) -> None:
    """The connection breaks at the moment of a loss, and losses are in no stream."""
    drop_id = await one_unit(rig, hold_seconds=60)
    async with seat(gateway, "s1") as (client, _):
        assert (await client.claim(drop_id))["outcome"] == "won"
        await rig.confirm(drop_id)
        coupon = (await client.next("claim_confirmed"))["coupon"]

        async def hang_up_on_listeners(*_: object) -> None:
            await rig.desk.redis.client_kill_filter(_type="pubsub")

        interpose(rig.feed, "publish_losses", before=hang_up_on_listeners)
        await end_holds(rig.stores, now_ms() + 61_000)
        told = await client.next("coupon_released")

    assert (told["coupon_id"], told["reason"]) == (coupon["id"], "hold_ended")
