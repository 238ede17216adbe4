"""Roles of the service as real processes on free ports, as a Procfile would start them.

`Programs.start` starts `python -m server ...`; `Programs.fork` the same, without the imports of its own.
`stack` has a Redis prefix and a migrated SQLite ledger of its own; `stack.web()` and
`stack.worker()` start as many processes as a test asks for, and all are gone after it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from server.commands.token import TokenRequest, make_tokens
from server.core.identity import Role
from server.process_guard import kill_child_on_parent_death
from server.tokens import TokenKeys
from tests.support.eventually import eventually
from tests.support.servers.forked_roles import ForkedRole
from tests.support.servers.redis_server import RedisServer

SECRET = "k7Jq2-vXw9Zr4Tn8Lm1Pb6Yc3Hd5Gf0Ss"
# When to give up, not how long it should take: starting is 7 s of CPU in three processes, and took more
# than 15 s on a machine that was busy with another file's servers and a browser.
READY_SECONDS = 60.0
_STOP_SECONDS = 8.0
_ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Program:
    """One `python -m server ...`; its output and, where the test names no other, its data are in
    `folder`."""

    process: "subprocess.Popen[bytes] | ForkedRole"
    folder: Path
    data_dir: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        return (self.folder / "stdout").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "stderr").read_text()

    def family(self) -> set[int]:
        """The ids of all processes of this program that are alive, its own included."""
        # What is forked has the environment of its parent in /proc.
        own = {self.process.pid} if self.process.poll() is None else set()
        return own | processes_of(self.folder) | processes_of(self.data_dir)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        return self.process.wait(seconds)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait(_STOP_SECONDS)

    async def until_ready(self, deadline_s: float = READY_SECONDS) -> None:
        """Wait until `/readyz` succeeds. Fail at once if the program ends, else with its last response."""
        said = ""
        async with httpx.AsyncClient(base_url=self.url, timeout=1, verify=False) as client:

            async def is_ready() -> bool:
                nonlocal said
                if self.process.poll() is not None:
                    raise RuntimeError(f"ended with {self.process.returncode}: {self.errors}")
                try:
                    answer = await client.get("/readyz")
                except httpx.TransportError as error:
                    said = repr(error)
                else:
                    said = answer.text
                    return answer.status_code == 200
                return False

            try:
                await eventually(is_ready, deadline_s)
            except AssertionError as error:
                raise AssertionError(f"not ready, {said}; its log: {self.errors}") from error


@dataclass(slots=True)
class Programs:
    """Starts programs in a folder of their own and ends them all at the end."""

    folder: Path
    started: list[Program] = field(default_factory=list)

    def start(
        self, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> Program:
        return self._started(_popen, arguments, environment)

    def fork(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Program:
        return self._started(_fork, arguments, environment)

    def _started(
        self,
        begin: Callable[
            [Sequence[str], dict[str, str], Path], "subprocess.Popen[bytes] | ForkedRole"
        ],
        arguments: Sequence[str],
        environment: Mapping[str, str] | None,
    ) -> Program:
        folder = self.folder / f"program-{len(self.started)}"
        folder.mkdir(parents=True)
        given = {
            **os.environ,
            "TEST_FOLDER": str(folder),
            "CLASSDROP_PORT": str(free_port()),
            "CLASSDROP_DATA_DIR": str(folder / "data"),
            **(environment or {}),
        }
        process = begin(arguments, given, folder)
        program = Program(
            process, folder, Path(given["CLASSDROP_DATA_DIR"]), int(given["CLASSDROP_PORT"])
        )
        self.started.append(program)
        return program

    def stop(self) -> None:
        for program in reversed(self.started):
            program.stop()


@dataclass(slots=True)
class Stack:
    """The roles of one installation on one Redis and one ledger."""

    programs: Programs
    environment: dict[str, str]

    def web(self, processes: int = 1, **settings: str) -> Program:
        return self._start("web", CLASSDROP_PROCESSES=str(processes), **settings)

    def worker(self, **settings: str) -> Program:
        return self._start("worker", **settings)

    def token(self, role: Role, subject: str, *rooms: str, ttl_seconds: int = 3600) -> str:
        request = TokenRequest(role, subject, rooms, ttl_seconds=ttl_seconds)
        return next(iter(make_tokens(TokenKeys((SECRET,)), request, int(time.time()))))

    def _start(self, role: str, **settings: str) -> Program:
        return self.programs.fork([role], {**self.environment, **settings})


def _popen(
    arguments: Sequence[str], environment: dict[str, str], folder: Path
) -> "subprocess.Popen[bytes]":
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "server", *arguments],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=kill_child_on_parent_death(),  # noqa: PLW1509
        )


def _fork(arguments: Sequence[str], environment: dict[str, str], folder: Path) -> ForkedRole:
    return ForkedRole(arguments, environment, folder / "stdout", folder / "stderr")


def processes_of(folder: Path) -> set[int]:
    """Ids of living processes that work inside `folder` or were started with TEST_FOLDER=folder in
    their environment (Redis overwrites its environment with its title, but lives in its data)."""
    mark = f"TEST_FOLDER={folder}".encode()
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            works_in = (entry / "cwd").readlink()
            if works_in.is_relative_to(folder) or mark in _environment_of(entry):
                found.add(int(entry.name))
        except OSError:
            continue  # it ended while we looked, or is somebody else's
    return found


def _environment_of(entry: Path) -> list[bytes]:
    return (entry / "environ").read_bytes().split(b"\0")


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    running = Programs(tmp_path / "programs")
    yield running
    running.stop()


@pytest.fixture
def stack_environment(
    redis_server: RedisServer, key_prefix: str, migrated_sqlite_file: Path, tmp_path: Path
) -> dict[str, str]:
    shutil.copy(migrated_sqlite_file, tmp_path / "ledger.db")
    return {
        "CLASSDROP_REDIS_URL": redis_server.url,
        "CLASSDROP_DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "CLASSDROP_SECRET": SECRET,
        "CLASSDROP_KEY_PREFIX": key_prefix,
        "CLASSDROP_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture
def stack(programs: Programs, stack_environment: dict[str, str]) -> Stack:
    return Stack(programs, stack_environment)
