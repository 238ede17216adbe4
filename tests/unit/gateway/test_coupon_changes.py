"""Start listening to the coupon channel while Redis hangs: all joins that wait share one attempt."""

import asyncio
from typing import cast

import pytest

from server.desk import DeskUnavailableError
from server.desk.feed.feed import Feed, RoomState
from server.desk.feed.subscription import Subscription
from server.gateway.rooms.feed.coupon_changes import CouponChanges
from server.gateway.rooms.open_rooms import OpenRooms

pytestmark = pytest.mark.asyncio


class HangingFeed:
    """Counts its calls, and fails when the test says so."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = asyncio.Event()
        self.may_fail = asyncio.Event()

    async def state(self, _: str) -> RoomState:
        self.calls += 1
        self.called.set()
        await self.may_fail.wait()
        raise DeskUnavailableError("no answer")


class OpenSubscription:
    async def add_room(self, _: str) -> None:
        pass


async def test_joins_that_wait_for_a_hanging_redis_fail_together() -> None:
    feed = HangingFeed()
    async with asyncio.TaskGroup() as tasks:
        changes = CouponChanges(
            rooms=OpenRooms(),
            feed=cast(Feed, feed),
            subscription=cast(Subscription, OpenSubscription()),
            tasks=tasks,
            on_gap=lambda: None,
        )
        joins = [asyncio.create_task(changes.listen()) for _ in range(3)]
        await feed.called.wait()
        feed.may_fail.set()
        failures = await asyncio.gather(*joins, return_exceptions=True)

    assert [type(failure) for failure in failures] == [DeskUnavailableError] * 3
    assert feed.calls == 1
