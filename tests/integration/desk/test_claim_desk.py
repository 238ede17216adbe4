"""The claim desk on a real Redis: every outcome of a tap, and that units and slots never run over."""

import asyncio
from dataclasses import replace

import pytest

from server.core.drops.claims import ClaimState, Outcome
from server.core.drops.drops import Allotment
from server.core.ids import ClaimId, DropId, StudentId
from server.desk import DeskUnavailableError
from server.desk.shards.fence import ConfirmedClaim
from tests.support.builders.desks import SHARD, Desk

pytestmark = pytest.mark.asyncio


async def test_a_tap_wins_while_there_is_stock(desk: Desk) -> None:
    await desk.open(units=1)
    answer = await desk.tap("ada")
    assert answer.outcome is Outcome.WON
    assert answer.held is not None
    assert (answer.held.unit, answer.held.slot) == (1, 1)


async def test_the_tap_after_the_last_unit_is_sold_out(desk: Desk) -> None:
    await desk.open(units=1)
    await desk.tap("ada")
    assert (await desk.tap("bob")).outcome is Outcome.SOLD_OUT


async def test_the_same_request_gets_its_win_again_with_the_same_claim(desk: Desk) -> None:
    await desk.open()
    first, again = await desk.tap("ada"), await desk.tap("ada")
    assert again == first


async def test_another_request_of_a_holder_is_told_already_won(desk: Desk) -> None:
    await desk.open()
    await desk.tap("ada")
    assert (await desk.tap("ada", request_id="r2")).outcome is Outcome.ALREADY_WON


async def test_a_refused_request_is_decided_afresh(desk: Desk) -> None:
    await desk.open(units=1)
    won = await desk.tap("ada")
    assert (await desk.tap("bob")).outcome is Outcome.SOLD_OUT
    assert won.held is not None
    await desk.drops.release(SHARD, "drp_1", {StudentId("ada"): won.held.claim_id})
    assert (await desk.tap("bob")).outcome is Outcome.WON


async def test_one_student_twice_in_one_call_takes_one_unit(desk: Desk) -> None:
    await desk.open()
    answers = await asyncio.gather(*(desk.tap("ada", request_id=f"r{n}") for n in range(5)))
    outcomes = sorted(answer.outcome for answer in answers)
    assert outcomes == ["already_won"] * 4 + ["won"]


async def test_a_blocked_student_takes_nothing_and_is_told_what_they_have(desk: Desk) -> None:
    await desk.open()
    won = await desk.tap("ada")
    assert await desk.tap("ada", is_blocked=True) == won  # the same request, to the byte
    again = await desk.tap("ada", request_id="r2", is_blocked=True)
    assert again.outcome is Outcome.ALREADY_WON

    together = await asyncio.gather(
        desk.tap("bob", is_blocked=True), desk.tap("cid"), desk.tap("bob", request_id="r2")
    )
    assert [answer.outcome for answer in together] == ["blocked", "won", "won"]
    counts = await desk.drops.counts(SHARD, "drp_1")
    assert counts is not None
    assert counts.claimed == 3


async def test_blocked_is_said_before_everything_about_the_drop(desk: Desk) -> None:
    """It is true of every drop, and an empty or closed one would hide it."""
    await desk.open(units=1, opens_in_ms=60_000)
    assert (await desk.tap("ada", is_blocked=True)).outcome is Outcome.BLOCKED
    assert (await desk.tap("ada")).outcome is Outcome.NOT_OPEN


async def test_taps_before_the_window_are_not_open_and_take_nothing(desk: Desk) -> None:
    await desk.open(opens_in_ms=60_000)
    assert (await desk.tap("ada")).outcome is Outcome.NOT_OPEN
    counts = await desk.drops.counts(SHARD, "drp_1")
    assert counts is not None
    assert counts.remaining == 3


async def test_taps_after_the_window_are_closed(desk: Desk) -> None:
    await desk.open(duration_ms=0)
    assert (await desk.tap("ada")).outcome is Outcome.CLOSED


async def test_taps_on_a_drop_nobody_opened_are_closed(desk: Desk) -> None:
    assert (await desk.tap("ada", "drp_unheard_of")).outcome is Outcome.CLOSED


async def test_the_batch_limit_holds_over_two_drops(desk: Desk) -> None:
    await desk.open("drp_1", per_student=1)
    await desk.open("drp_2", per_student=1)
    await desk.tap("ada", "drp_1")
    answer = await desk.tap("ada", "drp_2")
    assert (answer.outcome, answer.limit) == (Outcome.LIMIT_REACHED, "batch")


async def test_slots_of_a_batch_are_counted_from_one(desk: Desk) -> None:
    slots = []
    for drop_id in ("drp_1", "drp_2"):
        await desk.open(drop_id, per_student=2)
        answer = await desk.tap("ada", drop_id)
        assert answer.held is not None
        slots.append(answer.held.slot)
    assert slots == [1, 2]


async def test_a_released_unit_goes_to_the_next_tap_and_the_releaser_is_told(desk: Desk) -> None:
    await desk.open(units=1)
    won = await desk.tap("ada")
    assert won.held is not None
    assert await desk.drops.release(SHARD, "drp_1", {StudentId("ada"): won.held.claim_id}) == 1
    assert (await desk.tap("ada")).outcome is Outcome.RELEASED
    taken = await desk.tap("bob")
    assert taken.held is not None
    assert taken.held.unit == won.held.unit


async def test_a_release_by_another_claim_frees_nothing(desk: Desk) -> None:
    await desk.open(units=1)
    await desk.tap("ada")
    assert not await desk.drops.release(SHARD, "drp_1", {StudentId("ada"): ClaimId("clm_other")})
    assert (await desk.tap("bob")).outcome is Outcome.SOLD_OUT


async def test_ten_times_as_many_taps_as_units_give_exactly_the_units(desk: Desk) -> None:
    await desk.open(units=50)
    answers = await asyncio.gather(*(desk.tap(f"s{n}") for n in range(500)))
    units = sorted(a.held.unit for a in answers if a.outcome is Outcome.WON and a.held)
    assert units == list(range(1, 51))


async def test_each_win_is_in_the_outbox_once(desk: Desk) -> None:
    await desk.open(units=5)
    await asyncio.gather(*(desk.tap(f"s{n}") for n in range(20)))
    await asyncio.gather(*(desk.tap(f"s{n}") for n in range(20)))
    assert await desk.redis.xlen(desk.keys().outbox) == 5


async def test_a_confirmed_claim_is_repeated_with_its_coupon(desk: Desk) -> None:
    await desk.open()
    won = await desk.tap("ada")
    assert won.held is not None
    confirmed = ConfirmedClaim(
        DropId("drp_1"), StudentId("ada"), won.held.claim_id, b'{"id":"cpn_1","name":"a|b"}'
    )
    await desk.fence.confirm(SHARD, [confirmed])
    await desk.fence.confirm(SHARD, [confirmed])
    again = await desk.tap("ada")
    assert again.held is not None
    assert again.held.state is ClaimState.CONFIRMED
    assert again.held.coupon == b'{"id":"cpn_1","name":"a|b"}'
    counts = await desk.drops.counts(SHARD, "drp_1")
    assert counts is not None
    assert counts.confirmed == 1


async def test_a_shut_fence_tells_taps_to_retry_and_takes_nothing(desk: Desk) -> None:
    await desk.open()
    await desk.fence.shut(SHARD)
    answer = await desk.tap("ada")
    assert (answer.outcome, answer.retry_after_ms) == (Outcome.RETRY, 500)
    assert await desk.redis.xlen(desk.keys().outbox) == 0


async def test_a_record_that_cannot_be_read_tells_its_taps_to_retry_and_delays_nobody(
    desk: Desk,
) -> None:
    await desk.open()
    await desk.redis.hset(desk.keys().holders("drp_1"), "ada", "w|clm_1|one|1|r1|1|")
    assert (await desk.tap("ada")).outcome is Outcome.RETRY
    assert (await desk.tap("bob")).outcome is Outcome.WON


async def test_a_fence_of_another_server_process_is_shut(desk: Desk) -> None:
    await desk.open()
    await desk.redis.hset(desk.keys().fence, "run_id", "0" * 40)
    assert (await desk.tap("ada")).outcome is Outcome.RETRY
    assert await desk.fence.shut_shards() == [SHARD]


async def test_opening_twice_keeps_the_first_window(desk: Desk) -> None:
    assert await desk.open() == await desk.open(duration_ms=5)


async def test_a_drop_closed_before_it_opened_stays_closed(desk: Desk) -> None:
    await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert await desk.open() is None


async def test_closing_says_how_many_units_are_taken(desk: Desk) -> None:
    await desk.open()
    await desk.tap("ada")
    closing = await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert closing is not None
    assert closing.taken == 1
    assert await desk.drops.close(SHARD, "drp_1", only_if_over=False) == closing
    assert (await desk.tap("bob")).outcome is Outcome.CLOSED


async def test_a_drop_that_is_not_over_is_left_open_when_asked_so(desk: Desk) -> None:
    await desk.open()
    assert await desk.drops.close(SHARD, "drp_1", only_if_over=True) is None
    assert (await desk.tap("ada")).outcome is Outcome.WON


async def test_a_top_up_gives_its_units_once(desk: Desk) -> None:
    await desk.open(units=1)
    await desk.tap("ada")
    more = Allotment("alt_2", 2, 3)
    assert await desk.drops.add_units(SHARD, "drp_1", more)
    assert await desk.drops.add_units(SHARD, "drp_1", more)
    outcomes = [(await desk.tap(f"s{n}")).outcome for n in range(3)]
    assert outcomes == [Outcome.WON, Outcome.WON, Outcome.SOLD_OUT]


async def test_a_top_up_that_overtook_another_leaves_no_gap_for_taps_to_fall_into(
    desk: Desk,
) -> None:
    await desk.open(units=1)
    await desk.tap("ada")
    second, third = Allotment("alt_2", 2, 2), Allotment("alt_3", 3, 3)
    with pytest.raises(DeskUnavailableError, match="GAP"):
        await desk.drops.add_units(SHARD, "drp_1", third)
    assert (await desk.tap("bob")).outcome is Outcome.SOLD_OUT
    for allotment in (second, third):
        assert await desk.drops.add_units(SHARD, "drp_1", allotment)
    outcomes = [(await desk.tap(f"s{n}")).outcome for n in range(3)]
    assert outcomes == [Outcome.WON, Outcome.WON, Outcome.SOLD_OUT]


async def test_a_unit_that_comes_back_to_a_closed_drop_stays_no_longer_than_the_drop(
    desk: Desk,
) -> None:
    await desk.open()
    won = await desk.tap("ada")
    assert won.held is not None
    await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert await desk.drops.release(SHARD, "drp_1", {StudentId("ada"): won.held.claim_id})
    left = await desk.redis.ttl(desk.keys().free("drp_1"))
    assert 0 < left <= await desk.redis.ttl(desk.keys().drop("drp_1")) + 1


async def test_what_a_closed_drop_left_behind_goes_after_a_day(desk: Desk) -> None:
    await desk.open()
    ada, _ = await desk.tap("ada"), await desk.tap("bob")
    assert ada.held is not None
    await desk.drops.release(SHARD, "drp_1", {StudentId("ada"): ada.held.claim_id})
    await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    keys = desk.keys()
    for key in (keys.drop("drp_1"), keys.holders("drp_1"), keys.free("drp_1")):
        assert 86_390 < await desk.redis.ttl(key) <= 86_400


async def test_who_holds_a_claim_keeps_it_where_another_is_given_up(desk: Desk) -> None:
    """The other was told by a desk that is gone."""
    await desk.open()
    won = await desk.tap("ada")
    assert won.held is not None
    forgotten = replace(won.held, claim_id=ClaimId("clm_other"))
    await desk.drops.give_up(SHARD, "drp_1", {StudentId("ada"): forgotten})
    assert await desk.tap("ada") == won
    assert await desk.redis.xlen(desk.keys().outbox) == 1


async def test_a_closed_drop_takes_no_top_up(desk: Desk) -> None:
    await desk.open(units=1)
    await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    assert not await desk.drops.add_units(SHARD, "drp_1", Allotment("alt_2", 2, 3))


async def test_extending_is_compared_and_set_and_repeatable(desk: Desk) -> None:
    window = await desk.open()
    assert window is not None
    moved = await desk.drops.extend(SHARD, "drp_1", "int_1", 1_000, window.closes_at)
    assert (moved.outcome, moved.closes_at) == ("extended", window.closes_at + 1_000)
    assert await desk.drops.extend(SHARD, "drp_1", "int_1", 1_000, window.closes_at) == moved
    stale = await desk.drops.extend(SHARD, "drp_1", "int_2", 1_000, window.closes_at)
    assert (stale.outcome, stale.closes_at) == ("stale", moved.closes_at)
