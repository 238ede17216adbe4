"""`python -m tests.benchmarks.issuing [sqlite] [postgresql]`: what an issuance to 20,000 students takes.

In one process, with nothing else to do: the seconds, and the CPU time of this process and of PostgreSQL's,
which say on a busy machine what the seconds do not. The figures of decision 0053.
"""

import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import structlog
import uvloop

from server.flows.coupons.issuing.drive_issuances import drive
from tests.benchmarks.rigs import a_rig
from tests.support.builders.issuances import asked, everyone, found, parts_of
from tests.support.worker_rig import WorkerRig

_STUDENTS: Final = 20_000
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


async def _measure(rig: WorkerRig) -> str:
    batch = await rig.classroom.made_batch(quantity=_STUDENTS)
    issuance = await asked(rig, batch, everyone(_STUDENTS))
    database, own, begun = _database_seconds(), process_time(), perf_counter()
    while (await found(rig, issuance)).finished_at is None:
        await drive(parts_of(rig), issuance.id, seconds=60)
    took, own = perf_counter() - begun, process_time() - own
    database = _database_seconds() - database
    per_piece = 1_000 / _STUDENTS * 1_000
    return (
        f"{_STUDENTS} students in {took:.1f} s; for 1,000: {took * per_piece:.0f} ms, "
        f"{own * per_piece:.0f} ms of this process's CPU, {database * per_piece:.0f} ms of PostgreSQL's"
    )


def _database_seconds() -> float:
    """Return the CPU time of all processes of PostgreSQL that this one has started."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:
            continue  # it has ended meanwhile
        name, fields = text[text.index("(") + 1 : text.rindex(")")], text.rpartition(")")[2].split()
        if name == "postgres" and _is_ours(folder, int(fields[1])):
            ticks += sum(int(fields[number]) for number in (11, 12))
    return ticks / _TICKS_A_SECOND


def _is_ours(folder: Path, parent: int) -> bool:
    """Return whether the process, or its parent, is a child of this one."""
    if parent == os.getpid():
        return True
    try:
        of_parent = (folder.parent / str(parent) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return int(of_parent[1]) == os.getpid()


async def _run(kind: str, folder: Path) -> str:
    async with a_rig(kind, folder) as rig:
        return f"{kind}: {await _measure(rig)}"


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        # On a disk, which /tmp may not be.
        with (
            tempfile.TemporaryDirectory(dir="/var/tmp") as folder,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            print(runner.run(_run(kind, Path(folder))))


if __name__ == "__main__":
    main()
