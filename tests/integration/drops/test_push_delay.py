"""The time from a publication to the sockets' buffers: stamped by Redis, measured by the gateway."""

from functools import partial

import orjson
import pytest

from server.desk.feed import room_drops
from server.desk.feed.feed_messages import FeedKind, load_publication
from server.gateway.background_tasks import observe_sent
from server.gateway.rooms.broadcast import Published
from server.observability.metrics import Metrics
from tests.support.builders.desks import Desk, a_room_drop
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.asyncio


async def redis_ms(desk: Desk) -> int:
    seconds, micros = await desk.redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


def measured(metrics: Metrics) -> tuple[float, float]:
    """Return the number of measurements and the sum of their seconds."""
    count, total = (
        metrics.registry.get_sample_value(f"classdrop_push_delay_seconds_{part}")
        for part in ("count", "sum")
    )
    assert count is not None
    assert total is not None
    return count, total


def is_measured(metrics: Metrics, times: int) -> bool:
    return measured(metrics)[0] == times


async def test_a_publication_says_when_it_was_made(desk: Desk) -> None:
    before = await redis_ms(desk)
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    (told,) = await desk.feed.publications_since("r1", 0)

    assert told.at is not None
    assert before <= told.at <= await redis_ms(desk)


async def test_one_of_an_earlier_version_does_not() -> None:
    told = load_publication(
        {
            "kind": "opened",
            "epoch": "e",
            "offset": 1,
            "drop": orjson.loads(room_drops.dump(a_room_drop())),
        }
    )

    assert told.at is None


async def test_the_gateway_measures_each_push_once(gateway: RunningGateway, desk: Desk) -> None:
    metrics = gateway.gateway.metrics
    async with gateway.student("ada") as (ada, _), gateway.student("bob"):
        for number in (1, 2):
            drop = a_room_drop(f"drp_{number}")
            await desk.feed.publish(f"int_{number}", FeedKind.OPENED, drop)
            await ada.next("drop_opened")
            await eventually(partial(is_measured, metrics, number))

    assert 0 <= measured(metrics)[1] < 5


async def test_a_clock_behind_that_of_redis_gives_no_time_at_all() -> None:
    metrics = Metrics()
    observe_sent(metrics)(0.01, [Published(2**45, "r1", "drp_1", is_card=True)])

    assert measured(metrics) == (1, 0)
