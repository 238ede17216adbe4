"""Tasks on the desk: a claim needs the task, time is counted once, and keys end."""

from itertools import permutations

import pytest

from server.core.drops.claims import Outcome
from server.core.drops.drops import Allotment, Window
from server.core.drops.tasks import AnswerTask, Progress, SignInTask, WatchTask
from server.core.ids import DropId, StudentId
from server.desk.drops.drop_state import Stamped
from server.desk.drops.task_desk import TaskOf, Watched
from server.desk.keys import ShardKeys
from tests.support.builders.desks import SHARD, Desk

pytestmark = pytest.mark.asyncio

DROP = DropId("drp_1")
WATCH = TaskOf(SHARD, DROP, WatchTask(1))
QUESTION = TaskOf(SHARD, DROP, AnswerTask("?", ("a", "b"), 1))
SIGN_IN = TaskOf(SHARD, DROP, SignInTask())


async def opened(desk: Desk, units: int = 3, duration_ms: int = 60_000) -> Stamped:
    window = await desk.open(units=units, duration_ms=duration_ms, has_task=True)
    assert window is not None
    return window


async def mine(desk: Desk, of: TaskOf, student: str = "ann") -> Progress:
    return (await desk.drops.tasks.progress_of([of], [student]))[0][student]


async def test_who_has_not_done_the_task_wins_nothing_and_takes_nothing(desk: Desk) -> None:
    await opened(desk, units=1)
    assert (await desk.tap("ann")).outcome is Outcome.TASK_OPEN
    await desk.drops.tasks.set_done(SIGN_IN, {"bob": 1})
    assert (await desk.tap("bob")).outcome is Outcome.WON
    assert (await desk.tap("bob")).outcome is Outcome.WON
    assert (await desk.tap("ann")).outcome is Outcome.SOLD_OUT


async def test_a_drop_without_a_task_asks_for_none(desk: Desk) -> None:
    await desk.open()
    assert (await desk.tap("ann")).outcome is Outcome.WON


async def test_the_second_wrong_answer_is_the_last(desk: Desk) -> None:
    await opened(desk)
    tasks = desk.drops.tasks
    first = await tasks.count_answers(QUESTION, [("ann", False)])
    assert first["ann"] == Progress(0, 1, passed=False, tries_left=1)
    second = await tasks.count_answers(QUESTION, [("ann", False), ("bob", True)])
    assert (second["ann"].tries_left, second["bob"].passed) == (0, True)
    third = await tasks.count_answers(QUESTION, [("ann", True)])
    assert third["ann"] == Progress(0, 1, passed=False, tries_left=0)
    assert await mine(desk, QUESTION) == third["ann"]
    assert (await desk.tap("ann")).outcome is Outcome.TASK_OPEN
    assert (await desk.tap("bob")).outcome is Outcome.WON


async def test_watched_time_passes_at_its_minutes(desk: Desk) -> None:
    start = (await opened(desk)).opens_at
    await _make_older(desk, 60_000)
    start -= 60_000
    tasks = desk.drops.tasks
    half = await tasks.add_watched(WATCH, [Watched("ann", start, start + 30_000)])
    assert half["ann"] == Progress(0, 1, passed=False, done_seconds=30)
    full = await tasks.add_watched(WATCH, [Watched("ann", start + 30_000, start + 60_000)])
    assert full["ann"] == Progress(1, 1, passed=True, done_seconds=60)
    assert await mine(desk, WATCH) == full["ann"]
    assert (await desk.tap("ann")).outcome is Outcome.WON


SPANS = ((0, 15_000), (10_000, 20_000), (30_000, 31_000), (2_000, 3_000))


@pytest.mark.parametrize("order", list(permutations(SPANS)))
async def test_times_that_overlap_count_once_in_any_order(
    desk: Desk, order: tuple[tuple[int, int], ...]
) -> None:
    start = (await opened(desk)).opens_at - 60_000
    await _make_older(desk, 60_000)
    for begin, end in (*order, *order):
        await desk.drops.tasks.add_watched(WATCH, [Watched("ann", start + begin, start + end)])
    assert (await mine(desk, WATCH)).done_seconds == 21


async def test_a_hundred_sockets_of_an_account_have_one_clock(desk: Desk) -> None:
    start = (await opened(desk)).opens_at - 60_000
    await _make_older(desk, 60_000)
    spans = [Watched("ann", start, start + 15_000)] * 100
    found = await desk.drops.tasks.add_watched(WATCH, spans)
    assert found["ann"].done_seconds == 15


async def test_time_outside_the_window_does_not_count(desk: Desk) -> None:
    start = (await opened(desk)).opens_at
    spans = [Watched("ann", start - 3_600_000, start + 3_600_000)]
    found = await desk.drops.tasks.add_watched(WATCH, spans)
    assert (found["ann"].done_seconds or 0) <= 6


async def test_long_ago_is_folded_and_stays_counted(desk: Desk) -> None:
    await opened(desk, duration_ms=3_600_000)
    await _make_older(desk, 600_000)
    start = await _opens_at(desk)
    of = TaskOf(SHARD, DROP, WatchTask(9))
    for minute in range(9):
        begin = start + minute * 60_000
        await desk.drops.tasks.add_watched(of, [Watched("ann", begin, begin + 59_000)])
        await desk.drops.tasks.add_watched(of, [Watched("ann", begin, begin + 59_000)])
    assert (await mine(desk, of)).done_seconds == 9 * 59
    record = await desk.redis.hget(desk.keys().progress(DROP), "ann")
    assert record is not None
    assert len(record) < 200


async def test_nothing_counts_once_the_drop_is_closed_and_the_keys_end(desk: Desk) -> None:
    await opened(desk)
    await desk.drops.tasks.set_done(SIGN_IN, {"ann": 1})
    await desk.drops.close(SHARD, DROP, only_if_over=False)
    assert await desk.drops.tasks.set_done(SIGN_IN, {"bob": 1}) is False
    assert await desk.drops.tasks.count_answers(QUESTION, [("bob", True)]) == {}
    assert await desk.drops.tasks.add_watched(WATCH, [Watched("bob", 0, 1)]) == {}
    keys = desk.keys()
    for key in (keys.passed(DROP), keys.progress(DROP)):
        assert 0 < await desk.redis.pttl(key) <= 2 * 86_400_000 + 60_000


async def test_who_has_passed_is_known_until_the_end_that_the_drop_has_now(desk: Desk) -> None:
    """A link whose end is moved, and a drop that is opened again, last longer than the first window."""
    window = await opened(desk)
    await desk.drops.tasks.set_done(SIGN_IN, {"ann": 1})
    month = 30 * 86_400_000
    moved = Window(window.opens_at, window.closes_at + month)
    await desk.drops.move_window(SHARD, DROP, 1, moved)
    key = desk.keys().passed(DROP)
    assert await desk.redis.pttl(key) > month

    await desk.drops.move_window(SHARD, DROP, 2, Window(window.opens_at, window.opens_at))
    assert await desk.redis.pttl(key) > month
    await desk.drops.close(SHARD, DROP, only_if_over=False)
    again = await desk.drops.reopening.reopen(
        SHARD,
        DROP,
        openings=2,
        allotments=[Allotment("alt_drp_1", 1, 3)],
        units=3,
        opens_in_ms=0,
        duration_ms=2 * month,
        closes_at=None,
        caps=(),
    )
    assert again is not None
    assert await desk.redis.pttl(key) > 2 * month
    assert (await desk.tap("ann")).outcome is Outcome.WON


async def test_a_drop_without_a_task_keeps_nobody(desk: Desk) -> None:
    await desk.open()
    assert await desk.drops.tasks.set_done(SIGN_IN, {"ann": 1}) is False


async def test_nobody_and_no_task_are_asked_for_nothing(desk: Desk) -> None:
    assert await desk.drops.tasks.progress_of([], ["ann"]) == []
    assert await desk.drops.tasks.progress_of([WATCH], []) == [{}]


async def _make_older(desk: Desk, ms: int) -> None:
    """Let the drop have been opened `ms` earlier."""
    key = desk.keys().drop(DROP)
    opens_at = await _opens_at(desk)
    await desk.redis.hset(key, "opens_at", str(opens_at - ms))


async def _opens_at(desk: Desk) -> int:
    found = await desk.redis.hget(desk.keys().drop(DROP), "opens_at")
    assert found is not None
    return int(found)


async def test_of_two_accounts_of_one_the_further_progress_counts(desk: Desk) -> None:
    start = (await opened(desk)).opens_at - 60_000
    await _make_older(desk, 60_000)
    spans = [Watched("ann", start, start + 20_000), Watched("bob", start + 10_000, start + 40_000)]
    await desk.drops.tasks.add_watched(WATCH, spans)

    accounts = desk.drops.merged_accounts
    moved = [
        await accounts.move_task(SHARD, DROP, StudentId("bob"), StudentId("ann")) for _ in range(2)
    ]

    assert moved == [True, False]
    assert (await mine(desk, WATCH)).done_seconds == 30
    assert (await mine(desk, WATCH, "bob")).done_seconds == 0
    assert await desk.redis.pttl(ShardKeys(desk.prefix, SHARD).progress(DROP)) > 0
