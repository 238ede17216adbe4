"""Environments in which `web` and `worker` refuse to start, and the error texts."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import redis

from server.commands import CommandError, preflight
from server.commands.preflight import check_environment, check_replicas
from server.configuration.settings import Settings, read_settings
from tests.support.servers.redis_cluster import RedisCluster
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.replication import Pair
from tests.support.servers.stack import free_port
from tests.support.servers.tcp_proxy import TcpProxy, Way

pytestmark = pytest.mark.asyncio


@dataclass
class OwnRedis:
    server: RedisServer
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.server.url

    def set(self, **settings: str) -> None:
        with redis.Redis(unix_socket_path=self.server.path) as client:
            for name, value in settings.items():
                client.config_set(name.replace("_", "-"), value)

    def only_app_may_enter(self) -> None:
        with redis.Redis(unix_socket_path=self.server.path) as client:
            client.acl_setuser(
                "app", enabled=True, passwords=["+sesame"], commands=["+@all", "-config"], keys="*"
            )


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    with RedisServer(tmp_path / "own-redis") as server:
        yield OwnRedis(server)


@pytest.fixture
def settings(stack_environment: dict[str, str]) -> Settings:
    return read_settings(stack_environment)


async def refusal(settings: Settings) -> str:
    with pytest.raises(CommandError) as refused:
        await check_environment(settings)
    assert refused.value.status == 2
    return "\n".join(refused.value.lines)


async def test_what_is_as_it_should_be_is_not_refused(settings: Settings) -> None:
    await check_environment(settings)


async def test_everything_that_is_missing_is_named(settings: Settings) -> None:
    said = await refusal(replace(settings, redis_url=None, database_url=None, secrets=()))

    names = [line.split()[0] for line in said.splitlines()]
    assert names == ["CLASSDROP_REDIS_URL", "CLASSDROP_DATABASE_URL", "CLASSDROP_SECRET"]


async def test_schema_that_is_not_migrated(settings: Settings, tmp_path: Path) -> None:
    said = await refusal(replace(settings, database_url=f"sqlite:///{tmp_path / 'empty.db'}"))

    assert said.startswith("CLASSDROP_DATABASE_URL: not this version's schema")
    assert "python -m server migrate" in said


async def test_redis_that_may_forget_or_evict(settings: Settings, own_redis: OwnRedis) -> None:
    own_redis.set(appendonly="no", appendfsync="everysec", maxmemory_policy="allkeys-lru")

    said = await refusal(replace(settings, redis_url=own_redis.url))

    assert "maxmemory-policy is allkeys-lru, must be noeviction" in said
    assert "appendonly is off" in said
    assert "appendfsync is everysec, must be always" in said


async def test_a_node_of_a_cluster_is_refused_in_one_line(
    settings: Settings, tmp_path: Path
) -> None:
    with RedisServer(tmp_path / "node", in_cluster=True) as node:
        said = await refusal(replace(settings, redis_url=node.url, accept_weak_redis=True))

    assert said == (
        "CLASSDROP_REDIS_URL: this server is a node of a Redis Cluster, which has only a part of the "
        "keys; name the cluster, as redis+cluster://host:port,host:port."
    )


async def test_a_cluster_is_taken_as_a_whole(
    settings: Settings, redis_cluster: RedisCluster
) -> None:
    await check_environment(replace(settings, redis_url=redis_cluster.url))
    await check_replicas(replace(settings, redis_url=redis_cluster.url, replicas=1))


async def test_every_primary_of_a_cluster_is_looked_at(
    settings: Settings, redis_cluster: RedisCluster
) -> None:
    *_, last = redis_cluster.primaries()
    last.ask("CONFIG", "SET", "appendfsync", "everysec")
    try:
        said = await refusal(replace(settings, redis_url=redis_cluster.url))
    finally:
        last.ask("CONFIG", "SET", "appendfsync", "always")

    assert "appendfsync is everysec, must be always" in said


async def test_a_server_that_is_no_cluster_is_refused_in_one_line(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    with RedisServer(tmp_path / "alone", port=port):
        url = f"redis+cluster://127.0.0.1:{port}"
        said = await refusal(replace(settings, redis_url=url))

    assert said == (
        "CLASSDROP_REDIS_URL: the server refuses us: This instance has cluster support disabled"
    )


async def test_weak_redis_is_taken_where_the_operator_says_so(
    settings: Settings, own_redis: OwnRedis
) -> None:
    own_redis.set(appendonly="no", appendfsync="everysec", maxmemory_policy="allkeys-lru")

    await check_environment(replace(settings, redis_url=own_redis.url, accept_weak_redis=True))


async def test_redis_that_does_not_say_how_it_syncs(
    settings: Settings, own_redis: OwnRedis
) -> None:
    own_redis.only_app_may_enter()

    url = f"unix://app:sesame@{own_redis.server.path}"
    said = await refusal(replace(settings, redis_url=url))

    assert "CONFIG GET is refused" in said


async def test_wrong_password_is_told_and_not_repeated(
    settings: Settings, own_redis: OwnRedis
) -> None:
    own_redis.only_app_may_enter()

    url = f"unix://app:open@{own_redis.server.path}"
    said = await refusal(replace(settings, redis_url=url))

    assert said.startswith("CLASSDROP_REDIS_URL: the server refuses us")
    assert "open@" not in said


async def test_number_of_a_database_that_redis_does_not_have(
    settings: Settings, own_redis: OwnRedis
) -> None:
    said = await refusal(replace(settings, redis_url=f"{own_redis.url}?db=4096"))

    assert said.startswith("CLASSDROP_REDIS_URL: the server refuses us: ")
    assert len(said.splitlines()) == 1


async def test_certificate_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    absent = tmp_path / "ca.pem"
    redis_url = f"rediss://h?ssl_ca_certs={absent}"
    database_url = f"postgresql://h/d?sslmode=verify-full&sslrootcert={absent}"

    said = await refusal(replace(settings, redis_url=redis_url, database_url=database_url))

    assert said.splitlines() == [
        f"CLASSDROP_REDIS_URL: its option ssl_ca_certs names {absent}, which cannot be read.",
        f"CLASSDROP_DATABASE_URL: its option sslrootcert names {absent}, which cannot be read.",
    ]


async def test_neighbour_that_does_not_answer_may_be_asked_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_ANSWER_SECONDS", 0.1)

    with pytest.raises(CommandError) as refused:
        await check_environment(replace(settings, redis_url=f"unix://{tmp_path / 'nobody'}"))

    assert refused.value.status == 1
    assert refused.value.lines[0].startswith("CLASSDROP_REDIS_URL: no answer")


async def test_neighbour_that_takes_what_is_said_and_never_answers_is_given_up_too(
    settings: Settings, own_redis: OwnRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that waited for it would be taken for one that starts, for ever."""
    monkeypatch.setattr(preflight, "_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(preflight, "COMMAND_SECONDS", 0.1)
    async with TcpProxy(own_redis.server.path, path=str(tmp_path / "net")) as network:
        network.hold(Way.DOWN)
        for refuse, replicas in ((check_environment, 0), (check_replicas, 1)):
            asked = replace(settings, redis_url=f"unix://{network.address}", replicas=replicas)
            with pytest.raises(CommandError) as refused:
                async with asyncio.timeout(5):
                    await refuse(asked)
            assert refused.value.status == 1
            assert refused.value.lines[0].startswith("CLASSDROP_REDIS_URL: no answer")


async def test_old_redis_is_refused(
    settings: Settings, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def an_old_one(client: object) -> list[tuple[object, dict[str, object]]]:
        info = {"redis_version": "6.2.14", "maxmemory_policy": "noeviction", "aof_enabled": 1}
        return [(client, info)]

    monkeypatch.setattr(preflight, "_servers_when_up", an_old_one)

    said = await refusal(replace(settings, redis_url=own_redis.url))

    assert "redis 6.2.14 is too old; 7.0 is needed" in said


async def test_replicas_that_are_missing_are_named_and_may_come(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every win would be told `retry`, and nobody would know why."""
    monkeypatch.setattr(preflight, "_ANSWER_SECONDS", 0.1)

    with pytest.raises(CommandError) as refused:
        await check_replicas(replace(settings, replicas=2))

    assert refused.value.status == 1
    assert refused.value.lines[0].startswith("CLASSDROP_REPLICAS is 2, but replicas that follow")
    assert "CLASSDROP_REDIS_URL: 0." in refused.value.lines[0]


async def test_without_replicas_it_starts_where_the_operator_says_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_ANSWER_SECONDS", 0.1)

    await check_replicas(replace(settings, replicas=1, accept_weak_redis=True))


async def test_a_replica_that_comes_in_time_is_waited_for(settings: Settings, pair: Pair) -> None:
    await check_replicas(replace(settings, redis_url=pair.url, replicas=1))


@pytest.mark.parametrize("database", [16, 999_999, 99_999_999_999])
async def test_a_database_that_the_redis_does_not_have_is_refused_in_a_line(
    settings: Settings, own_redis: OwnRedis, database: int
) -> None:
    """It has 16, as by default."""
    own_redis.set(appendfsync="always", appendonly="yes")
    own_redis.url = f"{own_redis.url}?db={database}"
    words = await refusal(replace(settings, redis_url=own_redis.url))

    assert len(words.splitlines()) == 1
    assert "out of range" in words
