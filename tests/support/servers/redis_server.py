"""A redis-server of the tests' own: unix socket, AOF on every write, dies with the test run.

`redis_server` is one per session, shared; tests keep apart by `key_prefix`. A test that kills or
freezes its server makes its own: `with RedisServer(tmp_path) as server: ...`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from server.desk.redis.embedded import installed_servers
from server.process_guard import kill_child_on_parent_death

_PING_PAUSE_S = 0.01
_PING_TRIES = 1_000
_STOP_SECONDS = 5


class RedisServer:
    """Running once constructed. Its data live in `directory`, its socket in a folder with a short
    name (a unix socket's path has room for 108 bytes)."""

    def __init__(
        self, directory: Path, binary: str | None = None, port: int = 0, *, in_cluster: bool = False
    ) -> None:
        """`port`: where replicas follow it, on 127.0.0.1; 0 = none does. `in_cluster`: a node of a cluster of
        one, without slots."""
        self._in_cluster = in_cluster
        self._directory = directory
        self._port = port
        self._binary = binary or find_binary()
        self._socket_dir = Path(tempfile.mkdtemp(prefix="cdr-"))
        self.path = str(self._socket_dir / "s")
        self.url = f"unix://{self.path}"
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """The folder of its data."""
        return self._directory

    @property
    def port(self) -> int:
        """The TCP port; 0 = none."""
        return self._port

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def kill9(self) -> None:
        """Kill the server as a power cut would. `restart` finds the same data."""
        self._process.kill()
        self._process.wait(_STOP_SECONDS)

    def restart(self) -> None:
        """Start it again on the same socket and data, with another run id."""
        if self._process.poll() is None:
            self._end()
        self._process = self._start()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Kill the server, delete its data and start it."""
        self.kill9()
        shutil.rmtree(self._directory / "appendonlydir", ignore_errors=True)
        self.restart()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._end()
        shutil.rmtree(self._socket_dir, ignore_errors=True)

    def _end(self) -> None:
        self.thaw()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / "redis.log").open("ab") as log:
            process = subprocess.Popen(
                [self._binary, *self._options()],
                stdout=log,
                stderr=log,
                preexec_fn=kill_child_on_parent_death(),  # noqa: PLW1509
            )
        self._wait_until_it_answers()
        return process

    def _options(self) -> list[str]:
        return [
            *("--port", str(self._port)),
            *(("--cluster-enabled", "yes") if self._in_cluster else ()),
            *("--bind", "127.0.0.1"),
            *("--repl-diskless-sync-delay", "0"),
            *("--shutdown-timeout", "0"),  # it would wait for a replica that lags
            *("--unixsocket", self.path),
            *("--dir", str(self._directory)),
            *("--appendonly", "yes"),
            *("--appendfsync", "always"),
            *("--save", ""),
            *("--maxmemory-policy", "noeviction"),
        ]

    def _wait_until_it_answers(self) -> None:
        retry = Retry(ConstantBackoff(_PING_PAUSE_S), _PING_TRIES)
        with redis.Redis(unix_socket_path=self.path, retry=retry) as client:
            client.ping()


def find_binary() -> str:
    """Return the binary that `python -m server` would run; `TEST_REDIS_SERVER` names another."""
    return os.environ.get("TEST_REDIS_SERVER") or next(iter(installed_servers()))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with (
        tempfile.TemporaryDirectory(prefix="cdr-data-") as directory,
        RedisServer(Path(directory)) as server,
    ):
        yield server


@pytest.fixture
def key_prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"
