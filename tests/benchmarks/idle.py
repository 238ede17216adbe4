"""`python -m tests.benchmarks.idle`: what a server costs while nobody acts.

Starts a server with one `web` process, waits until its start is over, and prints the CPU time of each of its
processes for 20 s, in ms a second; SQLite first, then PostgreSQL.
"""

import sys
import time
from typing import Final

from loadtest.targets.own_postgres import own_postgres
from loadtest.targets.own_server import own_server
from loadtest.targets.processes import cpu_seconds, process_tree

_SETTLES_S: Final = 6.0
_MEASURED_S: Final = 20.0


def _measure(kind: str, database_url: str | None = None) -> None:
    with own_server(1, database_url) as server:
        time.sleep(_SETTLES_S)  # noqa: TID251 - a benchmark takes time
        before = {pid: cpu_seconds(pid) for pid in process_tree(server.pid)}
        time.sleep(_MEASURED_S)  # noqa: TID251
        for pid, begun in before.items():
            ms = (cpu_seconds(pid) - begun) / _MEASURED_S * 1000
            sys.stdout.write(f"{kind}: {ms:.1f} ms/s  {_name_of(pid)}\n")


def _name_of(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return " ".join(file.read().split("\0")[:4])


if __name__ == "__main__":
    _measure("sqlite")
    with own_postgres() as url:
        _measure("postgresql", url)
