"""CLASSDROP_REPLICAS in a running `web`: the desk it gets, and what `/readyz` says of the replicas."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from server.commands.process.composition import _claim_desk
from server.commands.process.dependency_health import DependencyHealth
from server.configuration.settings import Settings, read_settings
from server.desk.claims.claim_desk import ClaimDesk
from server.desk.claims.replicated_claims import ReplicatedClaimDesk
from server.desk.metrics_store import MetricsStore
from server.desk.redis.connection import StalenessTracker, connect
from server.desk.shards.fence import Fence
from server.ledger.engine import Ledger
from server.observability.health import Health
from server.observability.metrics import Metrics
from tests.support.eventually import eventually
from tests.support.servers.replication import Pair

pytestmark = pytest.mark.asyncio


@pytest.fixture
def settings(stack_environment: dict[str, str]) -> Settings:
    return read_settings(stack_environment)


@pytest.mark.parametrize(("replicas", "kind"), [(0, ClaimDesk), (1, ReplicatedClaimDesk)])
async def test_wins_wait_where_the_operator_says_so_and_nowhere_else(
    settings: Settings, replicas: int, kind: type[ClaimDesk]
) -> None:
    async with AsyncExitStack() as stack, connect(settings.redis_url or "") as redis:
        chosen = replace(settings, replicas=replicas)
        assert type(await _claim_desk(stack, chosen, redis, StalenessTracker(), Metrics())) is kind


async def test_a_replica_that_goes_makes_it_unready_with_the_reason(
    pair: Pair, settings: Settings, key_prefix: str
) -> None:
    health, ledger = Health(), Ledger.connect(settings.database_url or "")
    async with connect(pair.url) as redis:
        fence = Fence(redis, key_prefix, "tests")
        neighbours = DependencyHealth(
            redis, fence, MetricsStore(redis, key_prefix), ledger, health, 1
        )

        async def said() -> Mapping[str, object]:
            await neighbours.check_redis()
            _, answer = await health.readyz()
            parts = answer["parts"]
            assert isinstance(parts, Mapping)
            found: Mapping[str, object] = parts["replicas"]
            return found

        assert (await said())["ok"] is True
        pair.replica.stop()

        async def is_missed() -> bool:
            told = await said()
            return not told["ok"] and told["detail"] == "0 of 1 replicas follow"

        await eventually(is_missed, 10)
    await ledger.close()
