"""Reads what this machine allows a tester before a run, and describes the machine beside the results.

Called by the commands. Reads /proc where there is one; a value that cannot be read is left out.
"""

import importlib.metadata
import math
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from loadtest.percentiles import percentile

_FILES_BESIDES: Final = (
    200  # open files of a process besides the sockets: libraries, pipes, the server's own
)
# connections from one address: well below its number of ports, because closed ones linger
_PER_SOURCE: Final = 10_000
_FEWEST_SOURCES: Final = 4  # a server's limits per address have to see many addresses, not one
_DEFAULT_PORTS: Final = (32_768, 60_999)
_NAMED: Final = ("websockets", "uvicorn", "uvloop", "redis", "orjson", "sqlalchemy", "locust")
_SYNCS, _SYNC_BYTES = 100, 512
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of this machine. `ports`: connections from one source address to one port of a server."""

    open_files: int
    ports: int
    cores: int
    memory_mb: int | None
    load: float

    @property
    def students_per_process(self) -> int:
        return self.open_files - _FILES_BESIDES

    def __str__(self) -> str:
        memory = f", {self.memory_mb:,} MB free" if self.memory_mb else ""
        return (
            f"{self.cores} cores (load {self.load:.1f}){memory}; {self.open_files:,} open files a "
            f"process, {self.ports:,} ports an address"
        )


def read_limits() -> Limits:
    first, last = _ports()
    return Limits(
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        ports=last - first + 1,
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory_mb=_free_mb(),
        load=os.getloadavg()[0],
    )


def find_problems(limits: Limits, students: int, processes: int, sources: int) -> list[str]:
    """Return the reasons why this machine cannot run so many students; `sources` 0: the kernel chooses the
    address."""
    problems = []
    each = math.ceil(students / processes)
    if each > limits.students_per_process:
        enough = math.ceil(students / limits.students_per_process)
        problems.append(
            f"{each:,} students a process need more than {limits.open_files:,} open files: "
            f"use --processes {enough} or raise `ulimit -Hn`"
        )
    room = limits.ports * max(1, sources)
    if students > room:
        problems.append(
            f"{students:,} connections from here need more than {room:,} ports: widen "
            "net.ipv4.ip_local_port_range or use more machines"
        )
    return problems


def loopback_sources(host: str, students: int) -> list[str]:
    """Return loopback addresses to connect from, if the server is on this machine; otherwise none."""
    try:
        address = ip_address(host)
    except ValueError:
        return []
    if sys.platform != "linux" or address.version != 4 or not address.is_loopback:
        return []
    count = max(_FEWEST_SOURCES, math.ceil(students / _PER_SOURCE))
    return [f"127.0.0.{2 + number}" for number in range(min(count, 250))]


def disk_sync_ms() -> dict[str, float]:
    """Measure a small synced write on the disk of the temporary folder, where our own servers keep their
    data.

    Every win waits for such a write (AOF on every write).
    """
    delays = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(_SYNCS):
            begun = time.perf_counter()
            file.write(bytes(_SYNC_BYTES))
            os.fsync(file.fileno())
            delays.append((time.perf_counter() - begun) * 1000)
    delays.sort()
    return {"p50": round(percentile(delays, 0.5), 2), "p99": round(percentile(delays, 0.99), 2)}


def describe(command: Sequence[str]) -> dict[str, object]:
    """Return the facts without which results mean nothing: machine, versions, commit, command, load."""
    return {
        "machine": f"{_processor()}, {read_limits().cores} cores, {platform.system()} "
        f"{platform.release().partition('-')[0]}",
        "versions": {"python": platform.python_version(), **_redis_server(), **_versions()},
        "commit": _commit(),
        "command": " ".join(command),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _ports() -> tuple[int, int]:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    except OSError:
        return _DEFAULT_PORTS
    first, last = text.split()
    return int(first), int(last)


def _free_mb() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = dict(line.split(":", 1) for line in lines)
    return int(found["MemAvailable"].split()[0]) // 1024


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _versions() -> dict[str, str]:
    found = {}
    for name in _NAMED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _redis_server() -> dict[str, str]:
    """Return the version of the redis-server on PATH, which a server of our own uses."""
    try:
        said = subprocess.run(
            ["redis-server", "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    found = re.search(r"v=(\S+)", said.stdout)
    return {"redis-server": found[1]} if found else {}


def _commit() -> str:
    """Return the commit; a + says that files differ from it."""
    asked = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()
