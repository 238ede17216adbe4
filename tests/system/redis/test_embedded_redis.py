"""The Redis that `python -m server` brings: private, durable, and gone with its parent."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from server.desk.redis.connection import connect
from server.desk.redis.embedded import EmbeddedRedis, EmbeddedRedisError, installed_servers, stop
from tests.support.eventually import eventually
from tests.support.servers.stack import processes_of

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Redis]:
    server = EmbeddedRedis(folder)
    process = await server.start()
    client = connect(server.url)
    try:
        yield client
    finally:
        await client.aclose()
        await stop(process)


async def test_it_forgets_nothing_and_evicts_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "redis") as client:
        config = await client.config_get("*")

    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "always"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["save"] == ""


async def test_it_can_be_reached_by_its_owner_on_a_socket_only(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    async with running(folder) as client:
        port = (await client.config_get("port"))["port"]
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "redis.sock")}

    assert port == "0"
    assert modes == {0o700}


async def test_data_are_there_after_a_kill(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis")
    process = await server.start()
    async with connect(server.url) as client:
        await client.set("won", "clm_1")
    process.kill()
    await process.wait()
    assert (tmp_path / "redis" / "redis.sock").exists()  # what a kill leaves behind

    async with running(tmp_path / "redis") as client:
        assert await client.get("won") == b"clm_1"


async def test_every_installed_server_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, binary in enumerate(list(installed_servers())):
        monkeypatch.setattr(
            "server.desk.redis.embedded.installed_servers", lambda one=binary: [one]
        )
        async with running(tmp_path / str(number)) as client:
            assert await client.ping()


async def test_socket_moves_to_the_temp_folder_when_the_path_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    async with running(folder) as client:
        assert await client.ping()

    assert not (folder / "redis.sock").exists()
    assert (folder / "appendonlydir").exists()


async def test_data_of_a_newer_server_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    (tmp_path / "server_version").write_text("valkey 99.0\n")

    with pytest.raises(EmbeddedRedisError, match=r"written by valkey 99\.0, which is newer"):
        await EmbeddedRedis(tmp_path).start()


async def test_server_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")

    with pytest.raises(EmbeddedRedisError, match=r"redis\.log"):
        await EmbeddedRedis(tmp_path).start()


async def test_no_server_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.desk.redis.embedded.installed_servers", lambda: [])

    with pytest.raises(EmbeddedRedisError, match="Install redis-server"):
        await EmbeddedRedis(tmp_path).start()


async def test_it_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "TEST_FOLDER": str(tmp_path)}
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(tmp_path / "redis")),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"up\n"
    assert len(processes_of(tmp_path)) == 2

    parent.kill()
    await parent.wait()

    await eventually(lambda: not processes_of(tmp_path))


_PARENT = """
import asyncio, pathlib, sys
from server.desk.redis.embedded import EmbeddedRedis

async def main():
    await EmbeddedRedis(pathlib.Path(sys.argv[1])).start()
    print("up", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
