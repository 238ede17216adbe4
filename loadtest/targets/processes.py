"""Reads processes from /proc: which belong to a server, their memory and CPU time.

Called by the commands and the bench, for a server of our own. Without /proc, or for a process that is gone,
the results are empty or 0.
"""

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def process_tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        children.setdefault(_parent_of(entry), []).append(int(entry.name))
    family = [pid]
    for member in family:
        family.extend(children.get(member, ()))
    return family


def find_web_processes(pid: int) -> list[int]:
    """Return the processes of a server that serve students, without the server's main process."""
    return [
        one for one in process_tree(pid) if one != pid and "web" in _null_separated(one, "cmdline")
    ]


def tree_rss_kb(pid: int) -> int:
    """Return the resident memory of a process and its descendants. Shared pages count for each process."""
    return sum(map(rss_kb, process_tree(pid)))


def rss_kb(pid: int) -> int:
    lines = _read(pid, "status").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def cpu_seconds(pid: int) -> float:
    """Return user and system time since the process started; the kernel counts in hundredths of a second."""
    fields = _stat(_read(pid, "stat"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment with which the process was started."""
    pairs = (word.partition("=") for word in _null_separated(pid, "environ"))
    return {name: value for name, _, value in pairs if name}


def _parent_of(entry: Path) -> int:
    fields = _stat(_read(int(entry.name), "stat"))
    return int(fields[1]) if fields else 0


def _stat(line: str) -> list[str]:
    """Return the fields after the process name, which may contain spaces and brackets: state, parent, …
    (proc(5))."""
    return line.rpartition(")")[2].split()


def _null_separated(pid: int, file: str) -> list[str]:
    return _read(pid, file).split("\0")


def _read(pid: int, file: str) -> str:
    try:
        return (_PROC / str(pid) / file).read_text(errors="replace")
    except OSError:
        return ""
