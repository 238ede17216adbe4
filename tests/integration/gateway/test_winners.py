"""Masked winners and screens over real sockets: what a whole room is told, to the byte."""

import asyncio
from typing import Any

import orjson
import pytest

from server.core.drops.claims import Audience
from server.core.drops.winner_names import NamedWinners
from server.core.ids import DropId, StudentId
from server.desk.feed.feed_messages import Confirmation, FeedKind
from server.gateway.cadence import Cadence
from tests.support.builders.desks import Desk, a_room_drop
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.asyncio

COUPON = b'{"id":"cpn_secret","code":"SECRET"}'


@pytest.fixture
def cadence() -> Cadence:
    return Cadence(winners_s=0.05, presence_s=0.05)


async def publish(desk: Desk, drop_id: str, **columns: Any) -> None:
    window = await desk.open(drop_id, units=50)
    shown = a_room_drop(drop_id, window=window, quantity=50, **columns)
    await desk.feed.publish(f"int_{drop_id}", FeedKind.OPENED, shown)


async def confirm(desk: Desk, drop_id: str, *students: str) -> None:
    rows = [Confirmation(StudentId(one), DropId(drop_id), COUPON) for one in students]
    await desk.feed.publish_confirmations("r1", rows)


async def test_a_room_hears_masked_names_of_all_gateways_and_nothing_else(
    gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    desk = gateway.desk
    await publish(desk, "drp_1", show_winners=True)
    await publish(desk, "drp_2")
    async with (
        gateway.student("wang-5", name="王小明") as (wang, welcome),
        second_gateway.student("amy-7", name="Amy") as (amy, _),
        gateway.student("screen", role="screen", name="Tina") as (screen, _),
        gateway.student("bob-9", name="Bob") as (bob, _),
    ):
        assert [one["id"] for one in welcome["drops"] if one.get("show_winners")] == ["drp_1"]
        await confirm(desk, "drp_2", "wang-5")  # control: a drop that does not show them
        await confirm(desk, "drp_1", "wang-5", "amy-7", "elsewhere")
        await wang.next("claim_confirmed")
        for one in (bob, screen):
            told, raw = set[str](), ""
            while told != {"王*", "A***"}:
                async with asyncio.timeout(5):
                    text = str(await one.socket.recv())
                frame, raw = orjson.loads(text), raw + text
                if frame["type"] == "winners":
                    assert frame.keys() == {"type", "drop_id", "names", "more"}
                    assert (frame["drop_id"], frame["more"]) == ("drp_1", 0)
                    told |= set(frame["names"])
            for personal in ("wang-5", "amy-7", "小明", "Amy", "elsewhere", "SECRET"):
                assert personal not in raw
        assert (await amy.next("claim_confirmed"))["drop_id"] == "drp_1"


async def test_who_comes_later_is_told_who_won_before(
    gateway: RunningGateway, second_gateway: RunningGateway
) -> None:
    desk = gateway.desk
    await publish(desk, "drp_1", show_winners=True)
    async with gateway.student("amy-7", name="Amy") as (amy, _):
        await confirm(desk, "drp_1", "amy-7")
        await amy.next("winners")
        async with (
            gateway.student("screen", role="screen") as (here, _),
            # Its gateway opens the room now.
            second_gateway.student("wall", role="screen") as (there, _),
        ):
            for screen in (here, there):
                told = await screen.next("winners")
                assert (told["drop_id"], told["names"], told["more"]) == ("drp_1", ["A***"], 0)


async def test_of_many_winners_the_last_names_are_kept(gateway: RunningGateway) -> None:
    desk = gateway.desk
    await publish(desk, "drp_1", show_winners=True)
    for number in range(4):
        named = NamedWinners([f"{letter}***" for letter in "ABCDEFGH"], number)
        await desk.feed.tell_winners("r1", "drp_1", named)

    async with gateway.student("screen", role="screen") as (screen, _):
        told = await screen.next("winners")
    assert (told["names"], told["more"]) == ([f"{letter}***" for letter in "ABCDEFGH"] * 3, 14)


async def test_many_winners_are_one_short_frame(gateway: RunningGateway) -> None:
    desk = gateway.desk
    await publish(desk, "drp_1", show_winners=True)
    names = [f"s{number}" for number in range(30)]
    async with gateway.student("bob") as (bob, _), asyncio.TaskGroup() as tasks:
        done = asyncio.Event()

        async def stay(name: str, here: asyncio.Semaphore) -> None:
            async with gateway.student(name):
                here.release()
                await done.wait()

        here = asyncio.Semaphore(0)
        for name in names:
            tasks.create_task(stay(name, here))
        for _ in names:
            await here.acquire()
        await confirm(desk, "drp_1", *names)
        frame = await bob.next("winners")
        done.set()

    assert (frame["names"], frame["more"]) == (["S***"] * 8, 22)


async def test_a_screen_sees_what_is_for_everybody_and_does_nothing(
    gateway: RunningGateway,
) -> None:
    desk = gateway.desk
    await publish(desk, "drp_1")
    await publish(desk, "drp_2", audience=Audience(frozenset({"vip"}), frozenset()))
    async with gateway.student("wall", role="screen") as (screen, welcome):
        assert [drop["id"] for drop in welcome["drops"]] == ["drp_1"]
        await screen.send(type="claim", drop_id="drp_1", request_id="r1")
        assert (await screen.next("claim_result"))["outcome"] == "not_eligible"
        async with gateway.student("ann"):
            assert (await screen.next("presence"))["present"] == 1
        assert welcome["claims"] == []
