"""A replica is promoted that lags: behind the desk, behind the ledger; and a primary that was demoted and
promoted again. The controls: what such a desk sells where nothing asks whether it is still the one that
was loaded."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from server.core.drops.claims import Outcome
from server.desk.scripts.loader import _PRELUDES, _source
from server.ledger.engine import Ledger
from tests.support.builders.classroom import now_ms
from tests.support.eventually import eventually
from tests.support.faults.interruptions import hang_up
from tests.support.servers.replication import Pair, ask, winners
from tests.support.worker_rig import WorkerRig, everybody, rig_of, taps

pytestmark = pytest.mark.asyncio

UNITS = 6


@pytest_asyncio.fixture
async def rig(pair: Pair, ledger: Ledger, key_prefix: str) -> AsyncIterator[WorkerRig]:
    async with rig_of(pair, ledger, key_prefix) as made:
        yield made


async def caught_up(rig: WorkerRig) -> None:
    async with rig.desk.redis.client() as one:

        async def has_all() -> bool:
            await one.set("caught-up", 1)
            return bool(await one.wait(1, 500) == 1)

        await eventually(has_all, 10)


async def rebuilt(rig: WorkerRig) -> None:
    await rig.outbox.make_groups()
    await rig.rebuild_all()


async def test_one_that_lags_behind_the_ledger_is_brought_up_to_it(
    rig: WorkerRig, pair: Pair
) -> None:
    """Its outbox and its group are older as well: what it gives again changes nothing."""
    drop = await rig.classroom.opened(quantity=UNITS)
    await rig.classroom.won(drop.id, "s1", "s2")
    await caught_up(rig)
    await rig.loop.step()  # the replica takes them for unread
    pair.wire.hold()
    await rig.classroom.won(drop.id, "s3", "s4")
    await rig.loop.step()
    codes = await rig.codes(drop.id)
    pair.fail_over()
    await hang_up(rig.desk)
    assert set((await taps(rig, drop.id, *everybody(6))).values()) == {Outcome.RETRY}
    await rebuilt(rig)
    while await rig.unacknowledged():
        await rig.loop.step()

    outcomes = await taps(rig, drop.id, *everybody(7))
    assert list(outcomes.values()) == [*[Outcome.WON] * UNITS, Outcome.SOLD_OUT]
    await rig.confirm(drop.id)
    assert sorted((await rig.live(drop.id)).values()) == list(range(1, UNITS + 1))
    assert codes.items() <= (await rig.codes(drop.id)).items()


async def test_a_unit_sold_again_before_the_ledger_had_it_goes_to_one_and_both_are_seated(
    rig: WorkerRig, pair: Pair
) -> None:
    """A worker had read the win from the primary that is gone."""
    drop = await rig.classroom.opened(quantity=2)
    shard = (await rig.classroom.row(drop.id)).shard
    await caught_up(rig)
    pair.wire.hold()
    await rig.classroom.won(drop.id, "s1")
    entries = await rig.outbox.read_all(shard)
    pair.fail_over()
    await hang_up(rig.desk)
    await rebuilt(rig)
    await rig.classroom.won(drop.id, "s2")  # unit 1 again
    await rig.persister.write(entries, now_ms())
    await rig.persister.write(await rig.outbox.read_all(shard), now_ms())
    await rig.fence.shut(shard)
    await rebuilt(rig)

    assert await rig.live(drop.id) == {"s1": 1, "s2": 2}
    assert await taps(rig, drop.id, "s1", "s2", "s3") == {
        "s1": Outcome.WON,
        "s2": Outcome.WON,
        "s3": Outcome.SOLD_OUT,
    }


async def demoted_and_promoted(rig: WorkerRig, pair: Pair) -> None:
    """The replica takes over as it is, the primary follows it, and then takes over again: the same
    process, with a tail less."""
    pair.wire.cut()
    ask(pair.replica, "REPLICAOF", "NO", "ONE")
    ask(pair.primary, "REPLICAOF", "127.0.0.1", str(pair.replica.port))

    def has_followed() -> bool:
        return b"master_link_status:up" in ask(pair.primary, "INFO", "replication")

    await eventually(lambda: asyncio.to_thread(has_followed), 20)
    ask(pair.primary, "REPLICAOF", "NO", "ONE")
    await hang_up(rig.desk)


async def half_known(rig: WorkerRig, pair: Pair) -> str:
    """The replica knows one of two winners."""
    drop = await rig.classroom.opened(quantity=UNITS)
    await rig.classroom.won(drop.id, "s1")
    await caught_up(rig)
    pair.wire.hold()
    await rig.classroom.won(drop.id, "s2")
    await rig.confirm(drop.id)
    await demoted_and_promoted(rig, pair)
    return drop.id


async def test_a_primary_that_comes_back_with_less_is_not_the_one_that_was_armed(
    rig: WorkerRig, pair: Pair
) -> None:
    drop_id = await half_known(rig, pair)
    assert await rig.classroom.tap(drop_id, "s3") is Outcome.RETRY
    await rebuilt(rig)
    shard = (await rig.classroom.row(drop_id)).shard
    assert await winners(rig.desk, "s1", "s2", shard=shard, drop_id=drop_id) == {"s1", "s2"}


async def test_control_by_its_run_id_alone_it_would_sell_what_is_taken(
    rig: WorkerRig, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the fence names the process and not the history of its data."""
    history = " .. string.match(info, 'master_replid:(%x+)')"
    for part in (rig.fence._scripts, rig.desk.drops._scripts, rig.desk.claims._scripts):
        for name in _PRELUDES:
            source = _source(name).replace(history, "")
            part._scripts[name] = rig.desk.redis.register_script(source)
    for shard in range(16):
        await rig.fence.shut(shard)
    await rig.rebuild_all()
    drop_id = await half_known(rig, pair)
    assert await rig.fence.shut_shards() == []
    assert await rig.classroom.tap(drop_id, "s3") is Outcome.WON
    row = await rig.classroom.row(drop_id)
    ((held,),) = await rig.desk.drops.claims_of([(row.shard, drop_id, ["s3"])])
    assert held is not None
    assert held.unit == (await rig.live(drop_id))["s2"]


async def test_a_fence_that_is_gone_on_one_shard_shuts_that_one(rig: WorkerRig) -> None:
    drop = await rig.classroom.opened()
    shard = (await rig.classroom.row(drop.id)).shard
    batch = await rig.classroom.made_batch()
    while batch.shard == shard:
        batch = await rig.classroom.made_batch()
    other = await rig.classroom.opened(batch)
    await rig.desk.redis.delete(rig.desk.keys(shard).fence)

    assert await rig.classroom.tap(drop.id, "s1") is Outcome.RETRY
    assert await rig.classroom.tap(other.id, "s1") is Outcome.WON
    assert await rig.fence.shut_shards() == [shard]
    await rig.rebuild_all()
    assert await rig.classroom.tap(drop.id, "s1") is Outcome.WON
