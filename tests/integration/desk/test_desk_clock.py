"""The desk's windows to the millisecond: open from the first one on, over at the last."""

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import SHOWN_AFTER_CLOSE_MS, Allotment
from server.desk.feed.feed import PRESENCE_GOOD_FOR_MS
from server.desk.feed.feed_messages import FeedKind
from tests.support.builders.desk_clocks import ClockedDesk
from tests.support.builders.desks import SHARD, a_room_drop

pytestmark = pytest.mark.asyncio

START = 1_000_000  # the clock's first time


async def test_taps_win_from_the_first_millisecond_of_the_window_on(clocked: ClockedDesk) -> None:
    await clocked.desk.open(opens_in_ms=100)
    await clocked.clock.set(START + 99)
    assert (await clocked.desk.tap("ada")).outcome is Outcome.NOT_OPEN
    await clocked.clock.set(START + 100)
    assert (await clocked.desk.tap("ada")).outcome is Outcome.WON


async def test_taps_are_closed_at_the_end_of_the_window(clocked: ClockedDesk) -> None:
    await clocked.desk.open(duration_ms=100)
    await clocked.clock.set(START + 99)
    assert (await clocked.desk.tap("ada")).outcome is Outcome.WON
    await clocked.clock.set(START + 100)
    assert (await clocked.desk.tap("bob")).outcome is Outcome.CLOSED


async def test_a_win_is_of_the_moment_of_its_tap(clocked: ClockedDesk) -> None:
    await clocked.desk.open()
    await clocked.clock.set(START + 7)
    won = await clocked.desk.tap("ada")
    assert won.held is not None
    assert won.held.won_at == START + 7


async def test_a_drop_is_over_at_the_end_of_its_window_and_closed_then(
    clocked: ClockedDesk,
) -> None:
    desk = clocked.desk
    await desk.open(duration_ms=100)
    await clocked.clock.set(START + 99)
    assert await desk.drops.close(SHARD, "drp_1", only_if_over=True) is None
    await clocked.clock.set(START + 100)
    closing = await desk.drops.close(SHARD, "drp_1", only_if_over=True)
    assert closing is not None
    assert closing.closed_at == START + 100


async def test_a_drop_that_was_over_for_long_was_closed_at_its_end(clocked: ClockedDesk) -> None:
    await clocked.desk.open(duration_ms=100)
    await clocked.clock.set(START + 5_000)
    closing = await clocked.desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert closing is not None
    assert closing.closed_at == START + 100


async def test_a_drop_that_is_stopped_is_closed_at_that_moment(clocked: ClockedDesk) -> None:
    await clocked.desk.open(duration_ms=100)
    await clocked.clock.set(START + 40)
    closing = await clocked.desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert closing is not None
    assert closing.closed_at == START + 40


async def test_a_drop_is_extended_until_its_end_and_not_at_it(clocked: ClockedDesk) -> None:
    desk = clocked.desk
    await desk.open(duration_ms=100)
    await clocked.clock.set(START + 99)
    moved = await desk.drops.extend(SHARD, "drp_1", "int_1", 100, START + 100)
    assert (moved.outcome, moved.closes_at) == ("extended", START + 200)
    await clocked.clock.set(START + 200)
    late = await desk.drops.extend(SHARD, "drp_1", "int_2", 100, START + 200)
    assert (late.outcome, late.closes_at) == ("closed", START + 200)


async def test_a_drop_is_topped_up_until_its_end_and_not_at_it(clocked: ClockedDesk) -> None:
    desk = clocked.desk
    await desk.open(units=1, duration_ms=100)
    await clocked.clock.set(START + 99)
    assert await desk.drops.add_units(SHARD, "drp_1", Allotment("alt_2", 2, 2))
    await clocked.clock.set(START + 100)
    assert not await desk.drops.add_units(SHARD, "drp_1", Allotment("alt_3", 3, 3))


async def test_a_room_shows_a_closed_drop_for_its_time_and_forgets_it_then(
    clocked: ClockedDesk,
) -> None:
    desk = clocked.desk
    closed = a_room_drop(closed_at=START)
    await desk.feed.publish("int_1", FeedKind.OPENED, a_room_drop())
    await desk.feed.publish("int_2", FeedKind.CLOSED, closed)
    shown = []
    for later in (0, SHOWN_AFTER_CLOSE_MS, SHOWN_AFTER_CLOSE_MS + 1):
        await clocked.clock.set(START + later)
        shown.append([drop.id for drop in (await desk.feed.state("r1")).drops])
    assert shown == [["drp_1"], ["drp_1"], []]


async def test_a_gateway_that_has_not_reported_for_its_time_counts_nobody(
    clocked: ClockedDesk,
) -> None:
    feed = clocked.desk.feed
    assert await feed.report_presence("r1", "gwy_1", 3) == 3
    await clocked.clock.set(START + PRESENCE_GOOD_FOR_MS - 1)
    assert await feed.report_presence("r1", "gwy_2", 4) == 7
    await clocked.clock.set(START + PRESENCE_GOOD_FOR_MS)
    assert await feed.report_presence("r1", "gwy_2", 4) == 4
