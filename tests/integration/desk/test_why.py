"""Every refusal of the desk says why, by its own order and clock."""

import asyncio
from typing import Any

import pytest

from server.core.drops.claims import Outcome
from server.core.ids import StudentId
from server.core.instants import from_text, to_text
from server.desk.claims.claim_answers import ClaimAnswer
from tests.support.builders.desks import SHARD, Desk

pytestmark = pytest.mark.asyncio


def _why(answer: ClaimAnswer) -> dict[str, Any]:
    assert answer.why is not None
    return answer.why.told(0)


async def test_a_storm_is_numbered_without_gaps_and_agrees_with_the_outbox(desk: Desk) -> None:
    await desk.open(units=50)
    answers = await asyncio.gather(*(desk.tap(f"s{n}") for n in range(120)))
    later = await asyncio.gather(*(desk.tap(f"t{n}") for n in range(30)))
    wins = [answer.held.won_at for answer in answers if answer.held is not None]
    refused = [_why(answer) for answer in (*answers, *later) if answer.outcome is Outcome.SOLD_OUT]

    assert sorted(why["tap"] for why in refused) == list(range(51, 151))
    assert len(wins) == await desk.redis.xlen(desk.keys().outbox) == 50
    assert {why["last_at"] for why in refused} == {to_text(max(wins))}
    assert all(why["after_ms"] >= 0 and why["units"] == 50 for why in refused)


async def test_wins_repeats_and_taps_on_other_drops_do_not_move_the_number(desk: Desk) -> None:
    await desk.open(units=1)
    await desk.open("drp_2", units=1, batch_id="bat_2")
    await desk.tap("ann")
    for request_id in ("r1", "r2"):
        await desk.tap("ann", request_id=request_id)
    await desk.tap("eve", is_blocked=True)
    two = await asyncio.gather(desk.tap("ben"), desk.tap("ben", "drp_2", batch_id="bat_2"))

    assert [answer.outcome for answer in two] == [Outcome.SOLD_OUT, Outcome.WON]
    assert _why(two[0])["tap"] == 2


async def test_each_refusal_says_its_own_reason(desk: Desk) -> None:
    await desk.open(units=2)
    await desk.open("drp_2", units=2)
    await desk.open("drp_3", units=2, batch_id="bat_3", opens_in_ms=60_000)
    won = await desk.tap("ann")
    assert won.why is None
    assert _why(await desk.tap("ann", request_id="r2")) == {"reason": "held"}
    limited = _why(await desk.tap("ann", "drp_2"))
    assert limited == {"reason": "limit", "limit": "batch", "most": 1, "used": 1, "tap": 1}
    early = _why(await desk.tap("ann", "drp_3", batch_id="bat_3"))
    assert early["reason"] == "not_yet"
    assert 0 < early["in_ms"] <= 60_000
    assert from_text(early["opens_at"])
    assert _why(await desk.tap("eve", is_blocked=True)) == {"reason": "blocked"}
    assert _why(await desk.tap("ann", "drp_9")) == {"reason": "gone"}
    assert won.held is not None
    await desk.drops.release(SHARD, "drp_1", {StudentId("ann"): won.held.claim_id})
    assert _why(await desk.tap("ann")) == {"reason": "hold_ended"}
    await desk.drops.close(SHARD, "drp_1", only_if_over=False)
    ended = _why(await desk.tap("cat"))
    assert ended["reason"] == "ended"
    assert ended["after_ms"] >= 0


async def test_a_refusal_writes_nothing_to_the_aof(desk: Desk) -> None:
    """Else each call of a storm's losers would wait for the disk."""
    await desk.open(units=1)
    await desk.tap("ann")
    before = await desk.redis.info("persistence")
    await asyncio.gather(*(desk.tap(f"s{n}") for n in range(100)))
    after = await desk.redis.info("persistence")
    size = "aof_current_size"
    assert before.get(size) == after.get(size)
    assert int(await desk.redis.hget(desk.keys().drop("drp_1"), "taps") or 0) == 101


async def test_a_count_that_is_lost_begins_with_the_wins(desk: Desk) -> None:
    await desk.open(units=2)
    await asyncio.gather(desk.tap("ann"), desk.tap("ben"))
    await desk.redis.hdel(desk.keys().drop("drp_1"), "taps")
    assert [_why(await desk.tap(name))["tap"] for name in ("cat", "dan")] == [3, 4]
