"""Starts a server to test against: `python -m server` in a temporary folder on a free port.

Called by the commands if no --url is given, and by the bench. The server is a child process; nothing of it is
imported.
"""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtest.targets.processes import environment_of, find_web_processes

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05
_LOG_SHOWN: Final = 3_000
# The settings that all processes of one installation share.
_SHARED: Final = ("CLASSDROP_REDIS_URL", "CLASSDROP_DATABASE_URL", "CLASSDROP_SECRET")
_PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


class ServerError(Exception):
    """The server did not start. The text ends with the server's own log."""


@dataclass(frozen=True, slots=True)
class OwnServer:
    url: str
    secret: str
    pid: int


@contextmanager
def own_server(processes: int, database_url: str | None = None) -> Iterator[OwnServer]:
    """Run a server for the block; it is ready inside, and its data is deleted afterwards.

    `database_url` None: SQLite in its folder. Raises ServerError if it does not become ready.
    """
    secret = secrets.token_urlsafe(32)
    with _folder() as folder:
        settings = {
            "CLASSDROP_DATA_DIR": str(folder / "data"),
            "CLASSDROP_SECRET": secret,
            "CLASSDROP_PROCESSES": str(processes),
            "CLASSDROP_WEBHOOK_PRIVATE": "1",  # the receivers of tests are on this machine
        }
        if database_url is not None:
            settings["CLASSDROP_DATABASE_URL"] = database_url
            _migrate(settings)
        with _running((), settings, folder) as (url, pid):
            yield OwnServer(url, secret, pid)


@contextmanager
def second_web(server: OwnServer) -> Iterator[OwnServer]:
    """Run one more `web` process of the same installation, on a port of its own, as a second machine would.

    All connections to that port are served by this process alone. Raises ServerError.
    """
    given = environment_of(find_web_processes(server.pid)[0])
    with _folder() as folder:
        settings = {name: given[name] for name in _SHARED}
        with _running(("web",), settings, folder) as (url, pid):
            yield OwnServer(url, server.secret, pid)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="classdrop-load-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    role: Sequence[str], settings: Mapping[str, str], folder: Path
) -> Iterator[tuple[str, int]]:
    """Start the process and yield its URL and process id. Its log is in the folder."""
    port = _free_port()
    process = _start(role, {**settings, "CLASSDROP_PORT": str(port)}, folder)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, folder)
        yield url, process.pid
    finally:
        _stop(process)


def _migrate(settings: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "migrate"],
        env=_environment(settings),
        capture_output=True,
        text=True,
        timeout=_READY_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ServerError(f"the database could not be migrated: {done.stderr[-_LOG_SHOWN:]}")


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without any of the server's settings, plus the given ones."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CLASSDROP_")}
    inherited.pop("PORT", None)
    return {**inherited, **settings}


def _start(
    role: Sequence[str], settings: Mapping[str, str], folder: Path
) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "server", *role],
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A new session keeps Ctrl-C away from the server: we stop it ourselves, after the last request to
            # it.
            start_new_session=True,
            preexec_fn=_ending_with_us(),  # noqa: PLW1509  (before any thread of ours)
        )


def _ending_with_us() -> Callable[[], None] | None:
    """Return a function for the child that asks the kernel to end it when this process dies, also by SIGKILL.

    The server's own children end with the server.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(
        None
    ).prctl  # loaded before the fork: loading a library in the child may deadlock
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    give_up_at = time.monotonic() + _READY_SECONDS
    while not is_ready(url):
        if process.poll() is not None or time.monotonic() > give_up_at:
            said = (folder / "log").read_text(errors="replace")[-_LOG_SHOWN:]
            raise ServerError(f"the server did not become ready: {said}")
        time.sleep(_PAUSE_SECONDS)


def is_ready(url: str) -> bool:
    """Return whether /readyz says 200. The request goes past any proxy: the direct way is what is
    measured."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # includes urllib's errors
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
