"""A server of our own to test against: `python -m server` in a temporary folder on a free port.

Called by the commands where no --url is given. A process like any other: nothing of it is imported.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.05
_LOG_SHOWN: Final = 3_000
_PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


class ServerError(Exception):
    """It did not start; the text ends with what it said."""


@dataclass(frozen=True, slots=True)
class OwnServer:
    url: str
    secret: str
    pid: int


@contextmanager
def own_server(processes: int) -> Iterator[OwnServer]:
    """Ready inside the block, gone after it with all its data. Raises ServerError."""
    folder = Path(tempfile.mkdtemp(prefix="classdrop-load-"))
    port, secret = _free_port(), secrets.token_urlsafe(32)
    process = _start(folder, port, secret, processes)
    try:
        server = OwnServer(f"http://127.0.0.1:{port}", secret, process.pid)
        _wait_until_ready(server.url, process, folder)
        yield server
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, port: int, secret: str, processes: int) -> "subprocess.Popen[bytes]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CLASSDROP_")}
    inherited.pop("PORT", None)
    settings = {
        "CLASSDROP_PORT": str(port),
        "CLASSDROP_DATA_DIR": str(folder / "data"),
        "CLASSDROP_SECRET": secret,
        "CLASSDROP_PROCESSES": str(processes),
    }
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "server"],
            env={**inherited, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is ours: it is stopped in order, after what still asks it.
            start_new_session=True,
            preexec_fn=_ending_with_us(),  # noqa: PLW1509  (before any thread of ours)
        )


def _ending_with_us() -> Callable[[], None] | None:
    """Even if we are killed the server does not stay. Its own children see to themselves."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: loading a library after fork may deadlock
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    give_up_at = time.monotonic() + _READY_SECONDS
    while not is_ready(url):
        if process.poll() is not None or time.monotonic() > give_up_at:
            said = (folder / "log").read_text(errors="replace")[-_LOG_SHOWN:]
            raise ServerError(f"the server did not become ready: {said}")
        time.sleep(_PAUSE_SECONDS)


def is_ready(url: str) -> bool:
    """Not through a proxy: what is measured is the way there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # includes urllib's own
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


def family_rss_kb(pid: int) -> int:
    """Resident memory of a process and all below it; 0 where there is no /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        children.setdefault(_parent_of(entry), []).append(int(entry.name))
    family = [pid]
    for member in family:
        family.extend(children.get(member, ()))
    return sum(map(_rss_kb, family))


def _parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _rss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
