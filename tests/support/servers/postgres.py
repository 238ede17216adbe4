"""A PostgreSQL of the tests' own: unix socket, no TCP, no fsync, gone with the test run.

`postgres_server` is one per session; tests/support/servers/ledgers.py makes its databases. Debian's package
is enough (`apt-get install postgresql`): its service need not run. Without it tests are skipped,
and fail where CI says that it must be there.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_PR_SET_PDEATHSIG = 1
_START_LINES = 200  # of the server's log, until it says that it is ready
_STOP_SECONDS = 10
_SUPERUSER = "postgres"
_ABSENT = "no PostgreSQL on this machine (apt-get install postgresql)"


class PostgresServer:
    """Running once constructed, in a folder of its own: the user it runs as must be able to get
    there, and pytest's folders are root's.
    """

    def __init__(self, binaries: Path, *settings: str) -> None:
        """`settings` win over those that make tests quick."""
        self._settings = (*_SETTINGS, *settings)
        self._directory = Path(tempfile.mkdtemp(prefix="cdp-"))
        self._binaries = binaries
        self._user = _unprivileged_user()
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._directory, owner.pw_uid, owner.pw_gid)
        self._run("initdb", *_INITDB, "-D", str(self._directory / "data"))
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.crash()
        shutil.rmtree(self._directory, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{_SUPERUSER}@/{database}?host={self._directory}"

    def create(self) -> str:
        """A fresh database: its URL."""
        url = self.url(f"t{uuid.uuid4().hex[:12]}")
        self.run_sql(self.url(_SUPERUSER), f"CREATE DATABASE {_name(url)}")
        return url

    def drop(self, url: str) -> None:
        """Drop the database and disconnect its clients."""
        self.run_sql(self.url(_SUPERUSER), f"DROP DATABASE {_name(url)} WITH (FORCE)")

    def run_sql(self, url: str, statements: str) -> None:
        self._run("psql", *_PSQL, "-d", url, "-c", statements)

    @contextmanager
    def console(self, url: str) -> Iterator["Console"]:
        """An open connection for statements that are run before many tests."""
        process = subprocess.Popen(
            [self._binaries / "psql", *_PSQL, "-d", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            user=self._user,
            text=True,
        )
        with process:
            yield Console(process)

    def crash(self) -> None:
        """Stop the server at once, without closing connections. Do nothing if it is down."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.communicate(timeout=_STOP_SECONDS)

    def kill9(self) -> None:
        """All its processes, as a machine would die."""
        for process_id in self._family():
            os.kill(process_id, signal.SIGKILL)
        self._process.communicate(timeout=_STOP_SECONDS)

    def freeze(self) -> None:
        for process_id in self._family():
            os.kill(process_id, signal.SIGSTOP)

    def thaw(self) -> None:
        for process_id in self._family():
            # The first of them reaps at once those that have ended meanwhile.
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)

    def restart(self) -> None:
        """Start again with the same databases."""
        self._process = self._start()

    @property
    def user(self) -> str | None:
        """The user that it runs as; None: the one of this process."""
        return self._user

    @property
    def socket_path(self) -> str:
        return str(self._directory / ".s.PGSQL.5432")

    def _family(self) -> list[int]:
        """The postmaster first: it would else start new ones."""
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True,
            capture_output=True,
            cwd=self._directory,
            user=self._user,
        )

    def _start(self) -> "subprocess.Popen[bytes]":
        options = [part for setting in self._settings for part in ("-c", setting)]
        process = subprocess.Popen(
            [
                self._binaries / "postgres",
                *("-D", self._directory / "data"),
                *("-k", self._directory),
                *options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._directory,
            user=self._user,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
        _wait_until_ready(process)
        return process


@dataclass(frozen=True, slots=True)
class Console:
    """A psql that stays connected: its server process has the tables' definitions in its cache, and no
    process is started for each call."""

    process: "subprocess.Popen[str]"

    def run(self, statements: str) -> None:
        """Run the statements in one transaction and wait for its end. Raise RuntimeError if one fails."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"BEGIN;\n{statements};\nCOMMIT;\n\\echo {_DONE}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != _DONE:
            raise RuntimeError(answer + self.process.stdout.read())


_DONE = "classdrop-console-done"
# -X: a developer's ~/.psqlrc must not decide a test.
_PSQL = ("-X", "-q", "-v", "ON_ERROR_STOP=1")
# trust: the socket lies in a folder that only this user can enter.
_INITDB = ("--no-sync", "-A", "trust", "-U", _SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8")
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=32MB",
    "max_connections=200",
    # `log` hides the errors that constraint tests provoke; the pipe nobody reads would fill.
    "log_min_messages=log",
    "log_checkpoints=off",
)


def find_binaries() -> Path | None:
    """Debian keeps the server's programs off PATH, in a folder per version: the newest."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(found, key=lambda path: int(path.parts[-3]))
    return newest[-1].parent if newest else None


def _name(url: str) -> str:
    return url.split("/")[3].partition("?")[0]


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return _SUPERUSER if os.geteuid() == 0 else None


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> None:
    assert process.stderr is not None
    seen: list[bytes] = []
    for line in process.stderr:
        seen.append(line)
        if b"ready to accept connections" in line:
            return
        if len(seen) > _START_LINES:
            break
    raise RuntimeError(b"".join(seen).decode(errors="replace"))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(_ABSENT)
        pytest.skip(_ABSENT)
    with PostgresServer(binaries) as server:
        yield server
