"""A replica is promoted that lags: behind the desk, behind the ledger; and a primary that was demoted and
promoted again. The controls: what such a desk sells where nothing asks whether it is still the one that
was loaded."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from server.desk.scripts.loader import _source
from server.ledger.engine import Ledger
from tests.support.builders.classroom import now_ms
from tests.support.crews import Crew, crew_of, everybody, taps
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up
from tests.support.servers.replication import Pair, ask, winners

pytestmark = pytest.mark.asyncio

UNITS = 6


@pytest_asyncio.fixture
async def crew(pair: Pair, ledger: Ledger, key_prefix: str) -> AsyncIterator[Crew]:
    async with crew_of(pair, ledger, key_prefix) as made:
        yield made


async def caught_up(crew: Crew) -> None:
    async with crew.desk.redis.client() as one:

        async def has_all() -> bool:
            await one.set("caught-up", 1)
            return bool(await one.wait(1, 500) == 1)

        await eventually(has_all, 10)


async def rebuilt(crew: Crew) -> None:
    await crew.outbox.make_groups()
    await crew.rebuild_all()


async def test_one_that_lags_behind_the_ledger_is_brought_up_to_it(crew: Crew, pair: Pair) -> None:
    """Its outbox and its group are older as well: what it gives again changes nothing."""
    drop = await crew.classroom.opened(quantity=UNITS)
    await crew.classroom.won(drop.id, "s1", "s2")
    await caught_up(crew)
    await crew.loop.step()  # the replica takes them for unread
    pair.wire.hold()
    await crew.classroom.won(drop.id, "s3", "s4")
    await crew.loop.step()
    codes = await crew.codes(drop.id)
    pair.fail_over()
    await hang_up(crew.desk)
    assert set((await taps(crew, drop.id, *everybody(6))).values()) == {Outcome.RETRY}
    await rebuilt(crew)
    while await crew.unacknowledged():
        await crew.loop.step()

    outcomes = await taps(crew, drop.id, *everybody(7))
    assert list(outcomes.values()) == [*[Outcome.WON] * UNITS, Outcome.SOLD_OUT]
    await crew.confirm(drop.id)
    assert sorted((await crew.live(drop.id)).values()) == list(range(1, UNITS + 1))
    assert codes.items() <= (await crew.codes(drop.id)).items()


async def test_a_unit_sold_again_before_the_ledger_had_it_goes_to_one_and_both_are_seated(
    crew: Crew, pair: Pair
) -> None:
    """A worker had read the win from the primary that is gone."""
    drop = await crew.classroom.opened(quantity=2)
    shard = (await crew.classroom.row(drop.id)).shard
    await caught_up(crew)
    pair.wire.hold()
    await crew.classroom.won(drop.id, "s1")
    entries = await crew.outbox.read_all(shard)
    pair.fail_over()
    await hang_up(crew.desk)
    await rebuilt(crew)
    await crew.classroom.won(drop.id, "s2")  # unit 1 again
    await crew.persister.write(entries, now_ms())
    await crew.persister.write(await crew.outbox.read_all(shard), now_ms())
    await crew.fence.shut(shard)
    await rebuilt(crew)

    assert await crew.live(drop.id) == {"s1": 1, "s2": 2}
    assert await taps(crew, drop.id, "s1", "s2", "s3") == {
        "s1": Outcome.WON,
        "s2": Outcome.WON,
        "s3": Outcome.SOLD_OUT,
    }


async def demoted_and_promoted(crew: Crew, pair: Pair) -> None:
    """The replica takes over as it is, the primary follows it, and then takes over again: the same
    process, with a tail less."""
    pair.wire.cut()
    ask(pair.replica, "REPLICAOF", "NO", "ONE")
    ask(pair.primary, "REPLICAOF", "127.0.0.1", str(pair.replica.port))

    def has_followed() -> bool:
        return b"master_link_status:up" in ask(pair.primary, "INFO", "replication")

    await eventually(lambda: asyncio.to_thread(has_followed), 20)
    ask(pair.primary, "REPLICAOF", "NO", "ONE")
    await hang_up(crew.desk)


async def half_known(crew: Crew, pair: Pair) -> str:
    """The replica knows one of two winners."""
    drop = await crew.classroom.opened(quantity=UNITS)
    await crew.classroom.won(drop.id, "s1")
    await caught_up(crew)
    pair.wire.hold()
    await crew.classroom.won(drop.id, "s2")
    await crew.confirm(drop.id)
    await demoted_and_promoted(crew, pair)
    return drop.id


async def test_a_primary_that_comes_back_with_less_is_not_the_one_that_was_armed(
    crew: Crew, pair: Pair
) -> None:
    drop_id = await half_known(crew, pair)
    assert await crew.classroom.tap(drop_id, "s3") is Outcome.RETRY
    await rebuilt(crew)
    shard = (await crew.classroom.row(drop_id)).shard
    assert await winners(crew.desk, "s1", "s2", shard=shard, drop_id=drop_id) == {"s1", "s2"}


async def test_control_by_its_run_id_alone_it_would_sell_what_is_taken(
    crew: Crew, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the fence names the process and not the history of its data."""
    history = " .. string.match(info, 'master_replid:(%x+)')"
    scripts = crew.desk.claims._scripts._scripts
    for part in (crew.fence._scripts, crew.desk.drops._scripts, crew.desk.claims._scripts):
        for name in part._scripts:
            source = _source(name).replace(history, "")
            part._scripts[name] = crew.desk.redis.register_script(source)
    assert scripts is crew.desk.claims._scripts._scripts
    for shard in range(16):
        await crew.fence.shut(shard)
    await crew.rebuild_all()
    drop_id = await half_known(crew, pair)
    assert await crew.fence.shut_shards() == []
    assert await crew.classroom.tap(drop_id, "s3") is Outcome.WON
    row = await crew.classroom.row(drop_id)
    ((held,),) = await crew.desk.drops.claims_of([(row.shard, drop_id, ["s3"])])
    assert held is not None
    assert held.unit == (await crew.live(drop_id))["s2"]


async def test_a_fence_that_is_gone_on_one_shard_shuts_that_one(crew: Crew) -> None:
    drop = await crew.classroom.opened()
    shard = (await crew.classroom.row(drop.id)).shard
    batch = await crew.classroom.made_batch()
    while batch.shard == shard:
        batch = await crew.classroom.made_batch()
    other = await crew.classroom.opened(batch)
    await crew.desk.redis.delete(crew.desk.keys(shard).fence)

    assert await crew.classroom.tap(drop.id, "s1") is Outcome.RETRY
    assert await crew.classroom.tap(other.id, "s1") is Outcome.WON
    assert await crew.fence.shut_shards() == [shard]
    await crew.rebuild_all()
    assert await crew.classroom.tap(drop.id, "s1") is Outcome.WON
