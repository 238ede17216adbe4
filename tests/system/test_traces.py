"""Traces over real processes: a press and a tap are one trace each, whoever worked on them."""

import pytest

from tests.support.clients.one_student import client_of, opened, until
from tests.support.eventually import eventually
from tests.support.servers.stack import Stack
from tests.support.servers.trace_collector import CollectedSpan, a_collector

pytestmark = pytest.mark.asyncio

SENT_S = 20.0
RATIO = {"CLASSDROP_TRACES_RATIO": "1", "OTEL_BSP_SCHEDULE_DELAY": "200"}  # ms until spans are sent


def of_tap(spans: list[CollectedSpan]) -> dict[str, CollectedSpan]:
    names = ("classdrop.tap", "classdrop.persist", "classdrop.confirmed")
    return {span.name.removeprefix("classdrop."): span for span in spans if span.name in names}


async def test_a_press_and_a_tap_are_followed_over_processes(stack: Stack) -> None:
    with a_collector() as collector:
        settings = {"CLASSDROP_TRACES_URL": collector.url, **RATIO}
        web = stack.web(2, **settings)
        stack.worker(**settings)
        await web.until_ready()
        async with client_of(stack, web) as student:
            drop_id = await opened(stack, web)
            await until(student, "drop_opened", drop_id)
            assert await student.claim(drop_id) == "won"
            await student.until_confirmed(drop_id)
        await eventually(lambda: len(of_tap(collector.spans)) == 3, SENT_S)
        await eventually(lambda: collector.named("classdrop.card"), SENT_S)
        (press,) = await eventually(lambda: collector.named("classdrop.press"), SENT_S)

    (card,) = collector.named("classdrop.card")
    assert (card.trace, card.parent) == (press.trace, press.id)
    tap, persist, confirmed = (
        of_tap(collector.spans)[name] for name in ("tap", "persist", "confirmed")
    )
    assert tap.trace == persist.trace == confirmed.trace != press.trace
    assert tap.parent == b""
    assert persist.parent == confirmed.parent == tap.id
    assert tap.process == confirmed.process == card.process  # the student's gateway
    assert persist.process.startswith("wrk_")


async def test_a_collector_that_is_away_delays_nobody(stack: Stack) -> None:
    settings = {"CLASSDROP_TRACES_URL": "http://127.0.0.1:9/v1/traces", **RATIO}
    web = stack.web(1, **settings)
    stack.worker(**settings)
    await web.until_ready()
    async with client_of(stack, web) as student:
        drop_id = await opened(stack, web)
        await until(student, "drop_opened", drop_id)
        assert await student.claim(drop_id) == "won"
        assert (await student.until_confirmed(drop_id))["code"]
    assert web.stop() == 0
