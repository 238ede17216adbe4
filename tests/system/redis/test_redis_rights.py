"""The README's line of rights in Redis: enough for all that Classdrop does, and for nothing else."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.eventually import eventually
from tests.support.servers.redis_server import RedisServer
from tests.support.servers.stack import SECRET, Program, Stack

pytestmark = pytest.mark.asyncio

_README = Path(__file__).parents[3] / "README.md"
_PASSWORD = "a-password-of-its-own"
NOT_READY = 2  # the load tester's exit status


def rights() -> list[str]:
    """The arguments of `ACL SETUSER` in the README, with the test's password."""
    found = re.search(r"^ACL SETUSER (.*)$", _README.read_text(), re.MULTILINE)
    assert found
    return found[1].replace(">PASSWORD", f">{_PASSWORD}").split()


class LimitedRedis:
    def __init__(self, server: RedisServer) -> None:
        self.server = server
        name, *allowed = rights()
        self.url = f"unix://{name}:{_PASSWORD}@{server.path}"
        self._name = name
        self._admin = redis.Redis(unix_socket_path=server.path)
        self._admin.execute_command("ACL", "SETUSER", name, *allowed)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._admin.close()

    def refusals(self) -> list[str]:
        """Return what the user was refused: commands, keys and channels."""
        return [f"{entry['reason']} {entry['object']}" for entry in self._admin.acl_log()]

    def may(self, *command: str) -> bool:
        return bool(self._admin.acl_dryrun(self._name, *command) == b"OK")


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[LimitedRedis]:
    with RedisServer(tmp_path / "limited-redis") as server:
        redis_with_rights = LimitedRedis(server)
        yield redis_with_rights
        redis_with_rights.close()


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", *arguments),
        env=environment or None,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def a_class_claims(web: Program, folder: Path) -> None:
    """Joins, a drop, claims, confirmations, and a verdict on all of them."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    storm = f"loadtest storm --url {web.url} --secret-file {secret} --students 12 --stock 5"

    async def is_tried() -> tuple[int, str] | None:
        status, said = await run(*storm.split())
        return None if status == NOT_READY else (status, said)

    # One of the processes may still be starting; then nothing was tried.
    tried = await eventually(is_tried, 60)
    assert tried is not None
    assert tried[0] == 0, tried[1]


async def test_a_class_and_the_doctor_need_no_other_rights(
    stack: Stack, limited: LimitedRedis, tmp_path: Path
) -> None:
    stack.environment |= {
        "CLASSDROP_REDIS_URL": limited.url,
        "CLASSDROP_KEY_PREFIX": "classdrop",  # the one that the README names
    }
    web, _ = stack.web(processes=2), stack.worker()
    await web.until_ready()

    await a_class_claims(web, tmp_path)
    status, said = await run("server", "doctor", **stack.environment)

    assert status == 0, said
    assert limited.refusals() == []


async def test_the_rights_end_where_the_installation_ends(limited: LimitedRedis) -> None:
    assert limited.may("HSET", "classdrop:{d0}:fence", "a", "b")
    assert limited.may("SPUBLISH", "classdrop:{r1}:channel", "text")
    assert limited.may("WAIT", "1", "100")

    assert not limited.may("HSET", "other:{d0}:fence", "a", "b")
    assert not limited.may("SSUBSCRIBE", "other:{r1}:channel")
    for forbidden in ("FLUSHALL", "FLUSHDB", "SHUTDOWN", "BGREWRITEAOF", "MONITOR", "SAVE"):
        assert not limited.may(forbidden), forbidden
    assert not limited.may("KEYS", "*")
    assert not limited.may("CONFIG", "SET", "appendfsync", "no")
    assert not limited.may("ACL", "LIST")
    assert not limited.may("SCRIPT", "FLUSH")
    assert not limited.may("FUNCTION", "FLUSH")
