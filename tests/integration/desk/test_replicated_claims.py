"""`won` is told when a replica has it: whoever is promoted then, has it too.

The controls: without the wait a promoted replica lacks wins that were told; and a wait that writes
nothing before it lets an earlier win be told again that no replica has."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from server.core.ids import BatchId, DropId, StudentId
from server.desk.claims import replicated_claims
from server.desk.claims.claim_answers import ClaimAnswer
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.claims.replicated_claims import ReplicatedClaimDesk
from server.desk.keys import ShardKeys
from server.desk.redis.connection import connect
from server.desk.redis.replicas import replicas_following
from server.desk.shards.fence import ConfirmedClaim
from tests.support.builders.desks import SHARD, Desk, make_desk
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up, interpose, once
from tests.support.servers.replication import Pair, winners

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True, slots=True)
class Counter:
    """A desk on the pair's address; `waits` and `hurries` tap on it with and without the wait."""

    pair: Pair
    desk: Desk
    waits: ClaimDesk
    hurries: ClaimDesk

    def hold(self) -> None:
        """Let the replica lag from now on, and shorten the wait for it."""
        replicated_claims.WAIT_MS = 50
        self.pair.wire.hold()

    async def tap(
        self, student: str, request_id: str = "r1", by: ClaimDesk | None = None
    ) -> ClaimAnswer:
        return await (by or self.waits).claim(
            shard=SHARD,
            drop_id=DropId("drp_1"),
            batch_id=BatchId("bat_1"),
            student=StudentId(student),
            request_id=request_id,
        )


@pytest_asyncio.fixture
async def counter(
    pair: Pair, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Counter]:
    monkeypatch.setattr(replicated_claims, "WAIT_MS", 1_500)  # a slow machine's replica is slow
    redis, own = connect(pair.url), connect(pair.url)
    desk = make_desk(redis, key_prefix)
    await desk.arm()
    waits = ReplicatedClaimDesk(own, key_prefix, 1)
    yield Counter(pair, desk, waits, desk.claims)
    await waits.close()
    await own.aclose()
    await redis.aclose()


async def test_a_win_is_told_when_the_replica_has_it(counter: Counter) -> None:
    await counter.desk.open()
    assert (await counter.tap("ada")).outcome is Outcome.WON

    counter.pair.fail_over()
    await hang_up(counter.desk)
    assert await winners(counter.desk, "ada") == {"ada"}


async def test_one_that_the_replica_lacks_is_kept_and_told_when_it_has_it(counter: Counter) -> None:
    """However often it is asked for meanwhile."""
    await counter.desk.open()
    counter.hold()
    for _ in range(2):
        answer = await counter.tap("ada")
        assert (answer.outcome, answer.retry_after_ms) == (Outcome.RETRY, 500)
    assert await winners(counter.desk, "ada") == {"ada"}

    counter.pair.wire.release()
    told: list[ClaimAnswer] = []

    async def is_told() -> bool:
        told.append(await counter.tap("ada"))
        return told[-1].outcome is Outcome.WON

    await eventually(is_told, 10)
    counts = await counter.desk.drops.counts(SHARD, "drp_1")
    assert counts is not None
    assert counts.claimed == 1


async def test_an_earlier_win_is_repeated_behind_a_write_of_its_own(counter: Counter) -> None:
    """Redis 7.2 and Valkey wait for what the connection wrote, and repeating a win writes nothing."""
    await counter.desk.open()
    mark = ShardKeys(counter.desk.prefix, SHARD).mark
    assert (await counter.tap("ada")).outcome is Outcome.WON
    assert not await counter.desk.redis.exists(mark)
    assert (await counter.tap("ada")).outcome is Outcome.WON
    assert await counter.desk.redis.exists(mark)


async def test_another_request_of_its_holder_waits_as_well(counter: Counter) -> None:
    """`already_won` says the same to a student as `won`."""
    await counter.desk.open()
    counter.hold()
    await counter.tap("ada")
    assert (await counter.tap("ada", "r2")).outcome is Outcome.RETRY


async def test_control_a_wait_without_a_write_tells_what_no_replica_has(counter: Counter) -> None:
    """Redis before 7.2 waits for whatever came before the call, later ones for what the connection
    wrote. Nothing here depends on which."""
    await counter.desk.open()
    counter.hold()
    assert (await counter.tap("ada", by=counter.hurries)).outcome is Outcome.WON
    async with connect(counter.pair.url) as pool, pool.client() as fresh:
        version = (await fresh.info("server")).get("valkey_version")
        told = await fresh.wait(1, 100)
        await fresh.set(ShardKeys(counter.desk.prefix, SHARD).mark, 1)
        assert await fresh.wait(1, 100) == 0
    if version is not None:
        assert told == 1


async def test_refusals_do_not_wait(counter: Counter) -> None:
    """Nor in one call with a win that does."""
    await counter.desk.open(units=1)
    counter.hold()
    await counter.tap("ada")
    waiting, refused = await _both(counter, "ada", "bob")
    assert not waiting.done()
    assert (await refused).outcome is Outcome.SOLD_OUT
    assert (await waiting).outcome is Outcome.RETRY


async def _both(
    counter: Counter, waits: str, refused: str
) -> tuple[asyncio.Task[ClaimAnswer], asyncio.Task[ClaimAnswer]]:
    """Tapped in one turn of the loop; returns as soon as one is answered."""
    tasks = asyncio.create_task(counter.tap(waits)), asyncio.create_task(counter.tap(refused))
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return tasks


async def test_what_is_confirmed_does_not_wait(counter: Counter) -> None:
    """It comes from the ledger."""
    await counter.desk.open()
    answer = await counter.tap("ada")
    assert answer.held is not None
    counter.hold()
    await counter.desk.fence.confirm(
        SHARD,
        [
            ConfirmedClaim(
                DropId("drp_1"), StudentId("ada"), answer.held.claim_id, b'{"id":"cpn_1"}'
            )
        ],
    )
    assert (await counter.tap("ada")).outcome is Outcome.WON


async def test_a_server_that_was_promoted_in_between_does_not_speak_for_the_one_that_is_gone(
    counter: Counter,
) -> None:
    await counter.desk.open()
    counter.hold()
    interpose(counter.waits, "_replicas_have", before=once(counter.pair.fail_over))
    assert (await counter.tap("ada")).outcome is Outcome.RETRY

    await hang_up(counter.desk)
    assert await winners(counter.desk, "ada") == set()


async def test_a_server_that_forgot_the_script_is_given_it_again(counter: Counter) -> None:
    await counter.desk.open()
    await counter.desk.redis.script_flush()
    assert (await counter.tap("ada")).outcome is Outcome.WON


async def test_a_replica_that_is_away_is_seen(counter: Counter) -> None:
    assert await replicas_following(counter.desk.redis) == 1
    counter.pair.replica.stop()

    async def is_seen() -> bool:
        return await replicas_following(counter.desk.redis) == 0

    await eventually(is_seen, 10)


STUDENTS = [f"s{number}" for number in range(60)]


async def told_won(counter: Counter, by: ClaimDesk, seed: int) -> set[str]:
    """Everybody taps; at some moment the replica falls behind, at a later one the primary dies."""
    rng = random.Random(seed)
    lags_at, dies_at = sorted(rng.sample(range(5, 55), 2))
    told: set[str] = set()
    await counter.desk.open(units=len(STUDENTS))
    for number, student in enumerate(STUDENTS):
        if number == lags_at:
            counter.hold()
        if number == dies_at:
            counter.pair.fail_over()
        if (await counter.tap(student, by=by)).outcome is Outcome.WON:
            told.add(student)
    await hang_up(counter.desk)
    return told


@pytest.mark.parametrize("seed", [3, 11])
async def test_no_win_told_is_lost_when_a_replica_that_lags_is_promoted(
    counter: Counter, seed: int
) -> None:
    told = await told_won(counter, counter.waits, seed)
    assert len(told) >= 5
    assert told <= await winners(counter.desk, *STUDENTS)


@pytest.mark.parametrize("seed", [3, 11])
async def test_control_without_the_wait_it_is(counter: Counter, seed: int) -> None:
    told = await told_won(counter, counter.hurries, seed)
    assert not told <= await winners(counter.desk, *STUDENTS)
